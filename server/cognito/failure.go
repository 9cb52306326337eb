package cognito

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// failure is an error in the protocol's words. Applications act on the name, and show the message: many of them know its exact text.
type failure struct{ name, message string }

// Error implements error.
func (f *failure) Error() string { return f.name + ": " + f.message }

func fail(name, format string, args ...any) error {
	return &failure{name, fmt.Sprintf(format, args...)}
}

// What applications are told in more than one place.
var (
	errPassword    = fail("NotAuthorizedException", "Incorrect username or password.")
	errSession     = fail("NotAuthorizedException", "Invalid session for the user.")
	errCode        = fail("CodeMismatchException", "Invalid verification code provided, please try again.")
	errCodeGone    = fail("ExpiredCodeException", "Invalid code provided, please request a code again.")
	errLimit       = fail("LimitExceededException", "Attempt limit exceeded, please try after some time.")
	errReset       = fail("PasswordResetRequiredException", "Password reset required for the user")
	errAttempts    = fail("NotAuthorizedException", "Password attempts exceeded")
	errUnconfirmed = fail("UserNotConfirmedException", "User is not confirmed.")
	errToken       = fail("NotAuthorizedException", "Invalid Access Token")
	errRefresh     = fail("NotAuthorizedException", "Invalid Refresh Token")
)

// refuse writes an error. Whatever an application can have done wrong is a 400, also what others answer with 401 or 403.
func (d *Door) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status, f := http.StatusBadRequest, named(err)
	if f == nil {
		status, f = http.StatusInternalServerError, &failure{"InternalErrorException", "Something went wrong here. Try again."}
		if storage.Away(err) {
			status = http.StatusServiceUnavailable
			w.Header().Set("Retry-After", "5")
		}
		d.Log.ErrorContext(r.Context(), "an operation failed", "operation", r.Header.Get("X-Amz-Target"), "error", err)
	}
	w.Header().Set("x-amzn-errortype", f.name+":")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(map[string]string{"__type": f.name, "message": f.message}); err != nil {
		d.Log.DebugContext(r.Context(), "an answer did not arrive", "error", err)
	}
}

// named gives the reasons of authn their names; nil for what is nobody's fault. Operations that know better say so themselves.
func named(err error) *failure {
	var (
		f    *failure
		many *authn.TooMany
		gone *authn.CodeGone
		bad  *authn.BadAttribute
	)
	as := func(err error) *failure { errors.As(err, &f); return f }
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &many):
		return as(errLimit)
	case errors.As(err, &gone) && gone.Why == authn.GoneExpired:
		return as(errCodeGone)
	case errors.Is(err, authn.ErrCodeGone), errors.Is(err, authn.ErrFlowGone), errors.Is(err, authn.ErrFlowDone), errors.Is(err, authn.ErrSignIn):
		return as(errSession)
	case errors.Is(err, authn.ErrWrongAnswer), errors.Is(err, authn.ErrNotAnswer):
		return as(errCode)
	case errors.Is(err, authn.ErrBadAddress):
		return &failure{"InvalidParameterException", "Invalid email address format."}
	case errors.Is(err, authn.ErrTaken):
		return &failure{"AliasExistsException", "An account with the given email already exists."}
	case errors.As(err, &bad):
		return &failure{"InvalidParameterException", bad.Error()}
	}
	return nil
}
