package oidc

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
)

// Scopes of the account API. A client may ask for them only where an administrator has listed them for it by name, and never one that
// nobody has looked at: who has them can do what the account page does.
const (
	ScopeAccount      = "account"       // read it
	ScopeAccountWrite = "account:write" // change it
)

var accountScopes = []string{ScopeAccount, ScopeAccountWrite}

// mayAskAccount reports whether a client may have a scope of the account API.
func mayAskAccount(c storage.Client, scope string) bool {
	return slices.Contains(accountScopes, scope) && slices.Contains(c.Settings.Scopes, scope) && !c.Unchecked()
}

// Bearer is whom a request to an API of this server speaks for.
type Bearer struct {
	User     storage.User
	Client   storage.Client
	Grant    storage.ID
	Session  storage.ID // zero: none is tied to the grant
	Scopes   []string   // of the account API
	AuthTime int64      // of the sign-in behind the grant, in microseconds
	ACR      string     // how strong that was
}

// Bearer checks the access token of a request to an API of this server: alive, with its proof of possession if it is bound to a key, for
// this server itself, and of a person. A page of an origin that is not the client's is refused. The cookies of the request count for
// nothing. *web.Error; Challenge says the rest.
func (p *Provider) Bearer(w http.ResponseWriter, r *http.Request) (Bearer, error) {
	if len(r.Header.Values("Authorization")) == 0 { // carried would look into a form
		return Bearer{}, &web.Error{Status: http.StatusUnauthorized}
	}
	scheme, token, err := carried(w, r)
	if err != nil {
		return Bearer{}, fromFosite(err)
	}
	a, err := p.accessToken(r.Context(), token)
	if err != nil {
		return Bearer{}, err
	}
	if err := p.presented(w, r, scheme, token, a); err != nil {
		return Bearer{}, err
	}
	if a.resource != nil || a.person == nil || a.actor != nil {
		return Bearer{}, errToken // meant for somebody else, or nobody's own
	}
	m := a.person
	if origin := r.Header.Get("Origin"); origin != "" && !slices.Contains(webOrigins(m.client), origin) {
		return Bearer{}, &web.Error{Status: http.StatusForbidden, Code: "insufficient_scope", Message: "This origin is not one of the client's."}
	}
	if required := m.client.Settings.RequiredACR; required != "" && !authn.Fulfils(m.grant.ACR, required) {
		return Bearer{}, &web.Error{Status: http.StatusUnauthorized, Code: "insufficient_user_authentication", Message: "The sign-in behind this token is not as strong as the client must be.",
			Err: &tooWeak{acr: required}}
	}
	b := Bearer{User: m.user, Client: m.client, Grant: m.grant.ID, Session: m.grant.SessionID, AuthTime: m.grant.AuthTime, ACR: m.grant.ACR}
	for _, s := range a.scopes {
		if mayAskAccount(m.client, s) { // the client may have lost it
			b.Scopes = append(b.Scopes, s)
		}
	}
	return b, nil
}

// Challenge is the WWW-Authenticate of a refused request to an API of this server (RFC 6750 §3, RFC 9449 §7.1, RFC 9470 §3). more are
// further parameters, names and values in turn.
func (p *Provider) Challenge(r *http.Request, e *web.Error, more ...string) []string {
	scheme := "Bearer"
	if kind, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(kind, "DPoP") {
		scheme = dpopChallenge + ","
	}
	challenge := scheme + ` realm="` + p.issuer + `"`
	if e.Code != "" {
		challenge += `, error="` + e.Code + `", error_description="` + describable(e.Message) + `"`
	}
	var weak *tooWeak
	if errors.As(e, &weak) {
		challenge += `, acr_values="` + weak.acr + `"`
	}
	for i := 0; i+1 < len(more); i += 2 {
		challenge += `, ` + more[i] + `="` + more[i+1] + `"`
	}
	if errors.Is(e, errBound) {
		return []string{challenge, dpopChallenge} // RFC 9449 §7.1
	}
	return []string{challenge}
}

// CrossOrigin lets pages of the clients' origins use a handler by these methods, never with cookies, and answers their browsers' questions
// whether they may.
func (p *Provider) CrossOrigin(methods string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		allowed := p.allowOrigin(w, r)
		if r.Method != http.MethodOptions {
			next.ServeHTTP(w, r)
			return
		}
		if allowed {
			h := w.Header()
			h.Set("Access-Control-Allow-Methods", methods)
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP")
			h.Set("Access-Control-Max-Age", "600")
		}
		w.WriteHeader(http.StatusNoContent)
	})
}
