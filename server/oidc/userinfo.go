package oidc

import (
	"net/http"
	"strings"

	"gatelatch/server/authn"
	"gatelatch/server/web"
)

// userinfoType is the `typ` of signed userinfo: it is about a person like an ID token, and must never pass for one.
const userinfoType = "userinfo+jwt"

// userinfo answers OpenID Connect Core §5.3. The token comes in the Authorization header, or in a form (RFC 6750 §2.2), never in the address.
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) error {
	scheme, token, err := carried(w, r)
	if err != nil {
		return err
	}
	a, err := p.accessToken(r.Context(), token)
	if err != nil {
		return err
	}
	if err := p.presented(w, r, scheme, token, a); err != nil {
		return err
	}
	if a.resource != nil {
		return refusedToken("The access token is for an API, not for this endpoint: ask for one without resource.") // RFC 9068 §4
	}
	if a.person == nil || !a.scopes.Has("openid") {
		return &web.Error{Status: http.StatusForbidden, Code: "insufficient_scope", Message: "The access token has no scope openid."}
	}
	m := a.person
	if required := m.client.Settings.RequiredACR; required != "" && !authn.Fulfils(m.grant.ACR, required) {
		return &web.Error{Status: http.StatusUnauthorized, Code: "insufficient_user_authentication", Message: "The sign-in behind this token is not as strong as the client must be.",
			Err: &tooWeak{acr: required}}
	}
	claims := personClaims(m.user, m.groups, m.email, m.client, a.scopes)
	wished := wishesOf(m.grant).Userinfo
	if err := p.addOwn(r.Context(), claims, m.user, a.scopes, wished); err != nil {
		return err
	}
	addWished(claims, wished, m.user, m.email, m.client)
	claims["sub"] = a.subject
	alg := m.client.Settings.UserinfoAlg
	if alg == "" {
		return web.JSON(w, http.StatusOK, claims)
	}
	claims["iss"], claims["aud"] = p.issuer, m.client.ID
	signed, err := p.signFor(r.Context(), alg, userinfoType, claims)
	if err != nil {
		return err
	}
	return sendJWT(w, "application/jwt", signed)
}

// carried finds the access token of a request and the scheme it came by (RFC 6750 §2, RFC 9449 §7.1).
func carried(w http.ResponseWriter, r *http.Request) (scheme, token string, err error) {
	var fromForm string
	if r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		form, err := web.PostForm(w, r)
		if err != nil {
			return "", "", err
		}
		if web.Once(form) != nil {
			return "", "", oauthError("invalid_request", "A parameter is there more than once.")
		}
		fromForm = form.Get("access_token")
	}
	headers := r.Header.Values("Authorization")
	switch {
	case len(headers) > 1 || len(headers) == 1 && fromForm != "":
		return "", "", oauthError("invalid_request", "The access token came in more than one way.")
	case fromForm != "":
		return "Bearer", fromForm, nil
	case len(headers) == 0:
		return "", "", &web.Error{Status: http.StatusUnauthorized, Code: ""} // RFC 6750 §3.1: no error code when no token came at all
	}
	scheme, token, ok := strings.Cut(headers[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "DPoP") {
		return "", "", refusedToken("Send the access token as Authorization: Bearer, or DPoP where it is bound to a key.")
	}
	return scheme, token, nil
}
