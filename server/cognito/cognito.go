// Package cognito is the door for applications made with AWS Amplify, and for programs that manage people through Amazon Cognito's
// API: it speaks the JSON protocol of Cognito user pools. It holds the wire format and nothing else: who somebody is, and what is
// demanded of them, is authn's; tokens are oidc's, and so are the endpoints of the hosted sign-in.
//
// An application is answered only where the door was opened for it (storage.ClientSettings.Cognito). There is one pool. What
// administrators ask for has to be signed with a key of theirs (AWS Signature Version 4).
//
//	POST    /cognito, /cognito/    X-Amz-Target names the operation
//	OPTIONS the same               for browsers; no cookie is ever read
package cognito

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"gatelatch/server/authn"
	"gatelatch/server/secret"
	"gatelatch/server/web"
	"gatelatch/storage"
)

const (
	maxBody     = 64 << 10
	contentType = "application/x-amz-json-1.1"
	target      = "AWSCognitoIdentityProviderService." // what the name of every operation begins with
)

// Tokens are what an application gets for its person.
type Tokens struct {
	ID, Access, Refresh string
	ExpiresIn           int64 // of the access token, in seconds
}

// Holder is whoever an access token speaks for.
type Holder struct {
	User   storage.User
	Grant  storage.Grant
	Client storage.Client
	Scopes []string
}

// Why there are no tokens.
var (
	ErrNotGranted = errors.New("the token is not one of this client's")
	ErrExpired    = errors.New("the token has expired")
	ErrRevoked    = errors.New("the token was revoked")
	ErrReused     = errors.New("the refresh token was replaced long ago")
	ErrAnswered   = errors.New("this sign-in had its tokens already")
)

// Issuer is whoever mints tokens.
type Issuer interface {
	// Issue makes a grant and its tokens for somebody who has signed in, and marks the flow as answered. ErrNotGranted (the
	// application is not for them), ErrAnswered.
	Issue(ctx context.Context, live authn.Live, client, flow string) (Tokens, error)
	// Renew answers a refresh token. ErrNotGranted, ErrExpired, ErrRevoked, ErrReused.
	Renew(ctx context.Context, refresh, client string) (Tokens, error)
	// End ends the grant that a refresh token names; a token of nobody, or somebody else's, is a success in which nothing happens.
	End(ctx context.Context, refresh, client string) error
	// Holder checks an access token. ErrNotGranted, ErrExpired, ErrRevoked.
	Holder(ctx context.Context, access string) (Holder, error)
}

// Deps are the rooms the door works with.
type Deps struct {
	Engine *authn.Engine
	Store  *storage.Store
	Keys   *secret.Keys
	Issuer Issuer
	Log    *slog.Logger
	Now    func() time.Time
}

// Config is what the door has to be told.
type Config struct {
	RPID   string // the name of the public host, which passkeys belong to (WebAuthn)
	PoolID string // xx-local-1_ and letters: it never changes
	Host   string // that callers reach this server by, with the port if there is one
	Pages  string // where people sign in to this server itself
}

// Door is the JSON API.
type Door struct {
	Config
	Deps
	operations map[string]operation
}

// operation answers a call; what it returns is written as JSON.
type operation func(*call) (any, error)

// New makes the door.
func New(c Config, d Deps) *Door {
	door := &Door{Config: c, Deps: d}
	door.operations = map[string]operation{
		"SignUp":                           door.signUp,
		"ConfirmSignUp":                    door.confirmSignUp,
		"ResendConfirmationCode":           door.resendConfirmationCode,
		"InitiateAuth":                     door.initiateAuth,
		"RespondToAuthChallenge":           door.respondToAuthChallenge,
		"GetTokensFromRefreshToken":        door.getTokensFromRefreshToken,
		"RevokeToken":                      door.revokeToken,
		"GlobalSignOut":                    door.globalSignOut,
		"GetUser":                          door.getUser,
		"DeleteUser":                       door.deleteUser,
		"UpdateUserAttributes":             door.updateUserAttributes,
		"DeleteUserAttributes":             door.deleteUserAttributes,
		"GetUserAttributeVerificationCode": door.attributeCode,
		"VerifyUserAttribute":              door.verifyAttribute,
		"GetUserAuthFactors":               door.getUserAuthFactors,
		"ForgotPassword":                   door.forgotPassword,
		"ConfirmForgotPassword":            door.confirmForgotPassword,
		"ChangePassword":                   door.changePassword,
		"AssociateSoftwareToken":           door.associateSoftwareToken,
		"VerifySoftwareToken":              door.verifySoftwareToken,
		"SetUserMFAPreference":             door.setUserMFAPreference,
		"StartWebAuthnRegistration":        door.startWebAuthnRegistration,
		"CompleteWebAuthnRegistration":     door.completeWebAuthnRegistration,
		"ListWebAuthnCredentials":          door.listWebAuthnCredentials,
		"DeleteWebAuthnCredential":         door.deleteWebAuthnCredential,
		"ListDevices":                      door.listDevices,
		"GetDevice":                        door.getDevice,
		"ForgetDevice":                     door.noDevice,
		"UpdateDeviceStatus":               door.noDevice,
		"ConfirmDevice":                    door.confirmDevice,
	}
	for name, do := range map[string]operation{
		"AdminCreateUser":           door.adminCreateUser,
		"AdminGetUser":              door.adminGetUser,
		"AdminDeleteUser":           door.adminDeleteUser,
		"AdminConfirmSignUp":        door.adminConfirmSignUp,
		"AdminSetUserPassword":      door.about(door.adminSetUserPassword),
		"AdminResetUserPassword":    door.about(door.adminResetUserPassword),
		"AdminDisableUser":          door.about(door.adminDisableUser),
		"AdminEnableUser":           door.about(door.adminEnableUser),
		"AdminUserGlobalSignOut":    door.about(door.adminUserGlobalSignOut),
		"AdminUpdateUserAttributes": door.about(door.adminUpdateUserAttributes),
		"AdminDeleteUserAttributes": door.about(door.adminDeleteUserAttributes),
		"AdminSetUserMFAPreference": door.about(door.adminSetUserMFAPreference),
		"AdminAddUserToGroup":       door.about(door.adminAddUserToGroup),
		"AdminRemoveUserFromGroup":  door.about(door.adminRemoveUserFromGroup),
		"AdminListGroupsForUser":    door.adminListGroupsForUser,
		"ListUsers":                 door.listUsers,
		"ListUsersInGroup":          door.listUsersInGroup,
		"ListGroups":                door.listGroups,
		"CreateGroup":               door.createGroup,
		"GetGroup":                  door.getGroup,
		"DeleteGroup":               door.deleteGroup,
		"DescribeUserPool":          door.describeUserPool,
		"DescribeUserPoolClient":    door.describeUserPoolClient,
	} {
		door.operations[name] = door.administered(do)
	}
	return door
}

// Routes mounts the door.
func (d *Door) Routes(mux *http.ServeMux) {
	for _, path := range []string{"/cognito", "/cognito/{$}"} {
		mux.HandleFunc("POST "+path, d.serve)
		mux.HandleFunc("OPTIONS "+path, preflight)
	}
}

// preflight lets pages of every origin call: no cookie is read here, so that a page can do nothing that its reader could not.
func preflight(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "POST")
	h.Set("Access-Control-Allow-Headers", "amz-sdk-invocation-id, amz-sdk-request, authorization, cache-control, content-type, x-amz-content-sha256, x-amz-date, x-amz-security-token, x-amz-target, x-amz-user-agent")
	h.Set("Access-Control-Max-Age", "7200")
	w.WriteHeader(http.StatusNoContent)
}

// call is one operation that was asked for.
type call struct {
	ctx     context.Context
	request *http.Request
	name    string
	body    []byte
	visitor authn.Visitor
	by      string // the signature key of an administrator, as the audit log names it
}

// read decodes the request; fields that are not known are passed over.
func (c *call) read(into any) error {
	if err := json.Unmarshal(c.body, into); err != nil {
		return fail("SerializationException", "The request is not the JSON of %s.", c.name)
	}
	return nil
}

func (d *Door) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "x-amzn-errortype, x-amzn-requestid")
	h.Set("x-amzn-requestid", web.RequestID(r.Context()))
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	answer, err := d.answer(w, r)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		d.Log.DebugContext(r.Context(), "an answer did not arrive", "error", err)
	}
}

func (d *Door) answer(w http.ResponseWriter, r *http.Request) (any, error) {
	name, known := strings.CutPrefix(r.Header.Get("X-Amz-Target"), target)
	do := d.operations[name]
	if !known || do == nil {
		return nil, fail("UnknownOperationException", "There is no such operation.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, fail("SerializationException", "The request is larger than 64 KiB, or could not be read to its end.")
	}
	from := web.VisitorOf(r.Context())
	return do(&call{ctx: r.Context(), request: r, name: name, body: body,
		visitor: authn.Visitor{IP: from.IP, Network: from.Network(), Agent: from.Agent, Languages: r.Header.Get("Accept-Language"), Program: true}})
}
