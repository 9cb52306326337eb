package account

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
)

// APIPath is where the account API lies. The version stands behind the name of the API, so that /api/v1, which administers the server,
// and this one grow by themselves.
const APIPath = "/api/account/v1"

// The scopes of the API. Writing includes reading.
const (
	scopeRead  = "account"
	scopeWrite = "account:write"
)

// Bearer is whom an access token speaks for.
type Bearer struct {
	User     storage.User
	Client   storage.Client
	Grant    storage.ID // behind the token; stays the same when it is refreshed
	Session  storage.ID // the sign-in behind it lives in this one; zero: none
	Scopes   []string
	AuthTime int64  // of that sign-in, in microseconds
	ACR      string // how strong it was
}

// caller is who asks the API.
type caller struct {
	Bearer
	visitor authn.Visitor
	request *http.Request
}

// by is the caller as the audit log names them.
func (c *caller) by() string { return "user:" + c.User.ID.String() }

type callerKey struct{}

func (d *Door) newAPI() http.Handler {
	cfg := huma.DefaultConfig("Gatelatch account", d.cfg.Version)
	cfg.OpenAPIPath = APIPath + "/openapi"
	cfg.DocsPath, cfg.SchemasPath = "", "" // the pages huma brings load their script from elsewhere
	cfg.CreateHooks = nil                  // no $schema in every answer
	cfg.RejectUnknownQueryParameters = true
	cfg.Info.Description = "What a person can do for themselves, for applications they have let: the scope account reads, account:write changes. " +
		"What changes a way in, gives everything away or ends the account needs a sign-in that is at most five minutes old, and what changes a " +
		"second factor that factor; else the answer is 401 with error insufficient_user_authentication, max_age and acr_values (RFC 9470)."
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"account": {
		Type: "oauth2", Description: "An access token of this issuer for itself (no resource); DPoP-bound ones with their proof.",
		Flows: &huma.OAuthFlows{AuthorizationCode: &huma.OAuthFlow{AuthorizationURL: d.cfg.Issuer + "/authorize", TokenURL: d.cfg.Issuer + "/token",
			Scopes: map[string]string{scopeRead: "Read the account", scopeWrite: "Change the account"}}},
	}}
	mux := http.NewServeMux()
	api := humago.New(mux, cfg)
	d.profileOperations(api)
	d.addressOperations(api)
	d.passwordOperations(api)
	d.passkeyOperations(api)
	d.factorOperations(api)
	d.linkedOperations(api)
	d.accessOperations(api)
	d.dataOperations(api)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		showProblem(w, http.StatusNotFound, "There is nothing at this address. GET "+APIPath+"/openapi.json lists what there is.")
	})
	return mux
}

// serveAPI finds out who asks, by the access token alone, and lets them on. What the API can do is for everybody to read.
func (d *Door) serveAPI(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if strings.HasPrefix(r.URL.Path, APIPath+"/openapi") {
		d.api().ServeHTTP(w, r)
		return
	}
	b, err := d.deps.Bearer(w, r)
	if err == nil && !slices.Contains(b.Scopes, scopeRead) && !slices.Contains(b.Scopes, scopeWrite) {
		err = &web.Error{Status: http.StatusForbidden, Code: "insufficient_scope", Message: "The access token has no scope account."}
	}
	if err != nil {
		d.refuseCaller(w, r, err)
		return
	}
	from := web.VisitorOf(r.Context())
	c := &caller{Bearer: b, request: r, visitor: authn.Visitor{IP: from.IP, Network: from.Network(), Agent: from.Agent, Languages: b.User.Locale}}
	d.api().ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, c)))
}

// refuseCaller answers who has no token that does.
func (d *Door) refuseCaller(w http.ResponseWriter, r *http.Request, err error) {
	var known *web.Error
	if storage.Away(err) {
		known = web.Away(err)
		w.Header().Set("Retry-After", "5")
	} else if !errors.As(err, &known) {
		known = &web.Error{Status: http.StatusInternalServerError, Err: err}
	}
	if known.Status >= 500 {
		d.log.ErrorContext(r.Context(), "request failed", "error", err, "status", known.Status, "request", web.RequestID(r.Context()))
	} else {
		for _, challenge := range d.deps.Challenge(r, known, "scope", scopeRead) {
			w.Header().Add("WWW-Authenticate", challenge)
		}
	}
	showProblem(w, known.Status, known.Message)
}

func showProblem(w http.ResponseWriter, status int, detail string) {
	body, _ := json.Marshal(&huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: detail}) // plain values
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the client may have gone
}

// need is what an operation asks of the token beside being there.
type need int

const (
	reads   need = iota // the scope account
	writes              // the scope account:write
	exposes             // the scope account, and a fresh sign-in
	weighs              // the scope account:write, and a fresh sign-in: a way in changes
	unlocks             // likewise, with a code of the authenticator app if there is one; a passkey may be the one that was lost
	proves              // likewise, with the second factor if there is one: it is what changes
)

// demands tells who reads the description what the scope does not.
var demands = map[need]string{
	exposes: "Needs a sign-in that is at most five minutes old.",
	weighs:  "Needs a sign-in that is at most five minutes old.",
	unlocks: "Needs a sign-in that is at most five minutes old, with the authenticator app if the person has one.",
	proves:  "Needs a sign-in that is at most five minutes old, with the second factor if the person has one.",
}

// operation adds one operation to the API. It runs only with the scope and the sign-in it needs; its errors become problem documents.
func operation[I, O any](d *Door, api huma.API, n need, op huma.Operation, do func(context.Context, *caller, *I) (*O, error)) {
	op.Path = APIPath + op.Path
	scope := scopeWrite
	if n == reads || n == exposes {
		scope = scopeRead
	}
	op.Description = demands[n]
	op.Security = []map[string][]string{{"account": {scope}}}
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		c, _ := ctx.Value(callerKey{}).(*caller)
		if err := d.suffices(ctx, c, scope, n); err != nil {
			return nil, err
		}
		out, err := do(ctx, c, in)
		if err != nil {
			return nil, d.problem(ctx, err)
		}
		return out, nil
	})
}

// suffices reports what a token lacks for an operation.
func (d *Door) suffices(ctx context.Context, c *caller, scope string, n need) error {
	if c == nil {
		return huma.NewError(http.StatusUnauthorized, "An access token is needed.")
	}
	if scope == scopeWrite && !slices.Contains(c.Scopes, scopeWrite) {
		return d.challenged(c, &web.Error{Status: http.StatusForbidden, Code: "insufficient_scope", Message: "The access token has no scope account:write."}, "scope", scopeWrite)
	}
	if n == reads || n == writes {
		return nil
	}
	weak := &web.Error{Status: http.StatusUnauthorized, Code: "insufficient_user_authentication"}
	age := []string{"max_age", strconv.Itoa(int(freshFor.Seconds()))}
	if n == unlocks || n == proves {
		has, err := d.engine.Factors(ctx, c.User.ID)
		if err != nil {
			return d.problem(ctx, err)
		}
		if (has.TOTP || n == proves && has.Passkeys > 0) && !authn.Fulfils(c.ACR, authn.ACR2) {
			weak.Message = "The sign-in must be at most five minutes old, with the second factor. Ask for it with acr_values and max_age."
			return d.challenged(c, weak, append(age, "acr_values", authn.ACR2)...)
		}
	}
	if d.now()-c.AuthTime > freshFor.Microseconds() {
		weak.Message = "The sign-in must be at most five minutes old. Ask for it with max_age."
		return d.challenged(c, weak, age...)
	}
	return nil
}

func (d *Door) challenged(c *caller, e *web.Error, more ...string) error {
	return huma.ErrorWithHeaders(huma.NewError(e.Status, e.Message), http.Header{"Www-Authenticate": d.deps.Challenge(c.request, e, more...)})
}

// problem translates what the engine refuses (RFC 9457). What it does not know stays in the log.
func (d *Door) problem(ctx context.Context, err error) error {
	var (
		bad   *authn.BadAttribute
		many  *authn.TooMany
		wrong *authn.WrongAnswer
		weak  *authn.WeakPassword
		key   *authn.PasskeyError
		told  huma.StatusError
	)
	switch {
	case errors.As(err, &told):
		return err
	case errors.As(err, &bad):
		return huma.NewError(http.StatusUnprocessableEntity, bad.Error())
	case errors.As(err, &many):
		return huma.ErrorWithHeaders(huma.NewError(http.StatusTooManyRequests, "Too many of these for now."), http.Header{"Retry-After": {strconv.Itoa(max(1, int(many.Wait/time.Second)))}})
	case errors.As(err, &wrong):
		return huma.NewError(http.StatusUnprocessableEntity, "That code is not right. Tries left: "+strconv.Itoa(wrong.Left)+".")
	case errors.As(err, &weak):
		return weakPassword(weak)
	case errors.As(err, &key):
		return refusedPasskey(key)
	case errors.Is(err, authn.ErrBusy):
		return huma.ErrorWithHeaders(huma.NewError(http.StatusServiceUnavailable, "Many passwords are being checked just now. Try again in a moment."), http.Header{"Retry-After": {"5"}})
	case storage.Away(err):
		return huma.ErrorWithHeaders(huma.NewError(http.StatusServiceUnavailable, "The server cannot store anything right now. Try again in a moment."), http.Header{"Retry-After": {"5"}})
	}
	for _, known := range []struct {
		is     error
		status int
		detail string
	}{
		{authn.ErrBadAddress, 422, "That is no e-mail address."}, {authn.ErrHasAddress, 409, "The person has this address already."}, {authn.ErrManyAddresses, 409, "The person has as many addresses as fit."},
		{authn.ErrUsernameTaken, 409, "The username is taken."}, {authn.ErrNotHere, 409, "Usernames are for administrators to change here."},
		{authn.ErrNoAddress, 404, "The person has no such address, or it is not confirmed."}, {authn.ErrPrimary, 409, "The main address cannot be removed. Make another one the main address first."},
		{authn.ErrLastWayIn, 409, "This is the last way in."}, {authn.ErrTaken, 409, "The address belongs to another account."}, {authn.ErrNotAnswer, 422, "A code has six digits."},
		{authn.ErrCodeGone, 410, "That code cannot be used any more. Ask for a new one."}, {authn.ErrLastOwner, 409, "The last owner of the server cannot be deleted."},
		{authn.ErrNoPassword, 404, "The person has no password."}, {authn.ErrNoPasskey, 404, "The person has no such passkey."}, {authn.ErrNotEnrolled, 404, "The person has not set that up."},
		{authn.ErrNoSetUp, 410, "Nothing is being set up with this token, or its time is over. Begin again."}, {authn.ErrPasskeyGone, 410, "Nobody asked for this passkey with this token, or its time is over. Begin again."},
		{errPicture, 422, "The body is no PNG, JPEG, WebP or GIF that can be read."}, {errPictureLarge, 413, "The picture is too large: up to 5 MB and 16 megapixels."},
		{authn.ErrNoUser, 404, "The person is gone."}, {storage.ErrNotFound, 404, "There is nothing of that name."},
	} {
		if errors.Is(err, known.is) {
			return huma.NewError(known.status, known.detail)
		}
	}
	if ctx.Err() == nil {
		d.log.ErrorContext(ctx, "request failed", "error", err, "request", web.RequestID(ctx))
	}
	return huma.NewError(http.StatusInternalServerError, "Something went wrong in the server. Its log says what.")
}
