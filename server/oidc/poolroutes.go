package oidc

import (
	"errors"
	"net/http"
	"net/url"

	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

// poolRoutes mounts the endpoints of the hosted sign-in under the names that Amplify knows, and the documents of the pool.
func (p *Provider) poolRoutes(mux *http.ServeMux) {
	if p.PoolID == "" {
		return
	}
	documents, api, pages := p.edges.documents, p.edges.api, p.edges.pages
	pool := "/cognito/" + p.PoolID + "/.well-known/"
	for path, document := range map[string]http.Handler{pool + "jwks.json": documents.Handle(p.jwks), pool + "openid-configuration": documents.Handle(p.poolDiscovery)} {
		mux.Handle("GET "+path, p.public(document))
		mux.HandleFunc("OPTIONS "+path, publicPreflight)
	}
	mux.Handle("GET /cognito/oauth2/authorize", pages.Handle(p.poolAuthorize))
	mux.Handle("GET /cognito/signup", pages.Handle(p.poolSignUp))
	mux.Handle("GET /cognito/logout", pages.Handle(p.poolLogout))
	mux.Handle("POST /cognito/oauth2/token", p.crossOrigin(api.Handle(p.token)))
	mux.Handle("POST /cognito/oauth2/revoke", p.crossOrigin(api.Handle(p.revoke)))
	mux.Handle("GET /cognito/oauth2/userInfo", p.crossOrigin(api.Handle(p.userinfo)))
	mux.Handle("POST /cognito/oauth2/userInfo", p.crossOrigin(api.Handle(p.userinfo)))
	for _, path := range []string{"token", "revoke", "userInfo"} {
		mux.Handle("OPTIONS /cognito/oauth2/"+path, http.HandlerFunc(p.preflight))
	}
}

// poolMetadata is what verifiers look for at the issuer of the pool's tokens.
type poolMetadata struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	Userinfo      string   `json:"userinfo_endpoint"`
	Revocation    string   `json:"revocation_endpoint"`
	EndSession    string   `json:"end_session_endpoint"`
	JWKS          string   `json:"jwks_uri"`
	Responses     []string `json:"response_types_supported"`
	Subjects      []string `json:"subject_types_supported"`
	Algs          []string `json:"id_token_signing_alg_values_supported"`
	Scopes        []string `json:"scopes_supported"`
	Methods       []string `json:"code_challenge_methods_supported"`
	AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
}

func (p *Provider) poolDiscovery(w http.ResponseWriter, _ *http.Request) error {
	at := func(path string) string { return p.poolBase + path }
	w.Header().Set("Cache-Control", "public, max-age=300")
	return web.JSON(w, http.StatusOK, poolMetadata{Issuer: p.poolIssuer(), Authorization: at("/oauth2/authorize"), Token: at("/oauth2/token"), Userinfo: at("/oauth2/userInfo"),
		Revocation: at("/oauth2/revoke"), EndSession: at("/logout"), JWKS: at("/" + p.PoolID + "/.well-known/jwks.json"), Responses: []string{"code"}, Subjects: []string{"public"},
		Algs: []string{RS256}, Scopes: []string{"openid", "email", "phone", "profile", ScopeSelf}, Methods: []string{"S256"}, AuthMethods: []string{"none"}})
}

// poolAuthorize is the authorization endpoint as Amplify calls it: identity_provider says where to sign in (COGNITO: here), lang in
// which language. Everything else is ours.
func (p *Provider) poolAuthorize(w http.ResponseWriter, r *http.Request) error {
	params, err := web.Query(r)
	if err != nil {
		return err
	}
	return p.refused(w, r, p.arrivePool(w, r, params))
}

func (p *Provider) poolSignUp(w http.ResponseWriter, r *http.Request) error {
	params, err := web.Query(r)
	if err != nil {
		return err
	}
	params.Set("prompt", "create")
	return p.refused(w, r, p.arrivePool(w, r, params))
}

func (p *Provider) arrivePool(w http.ResponseWriter, r *http.Request, params url.Values) error {
	if err := p.poolClient(r, params.Get("client_id")); err != nil {
		return err
	}
	for from, to := range map[string]string{"lang": "ui_locales"} {
		if v := params.Get(from); v != "" && !params.Has(to) {
			params.Set(to, v)
		}
		params.Del(from)
	}
	return p.arrive(w, r, params)
}

// poolClient refuses clients that this door is not open for.
func (p *Provider) poolClient(r *http.Request, id string) error {
	c, err := p.cache.client(r.Context(), id)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if err != nil || c.Disabled || !inPool(c.Client) {
		return &pageError{kind: views.ErrorClient}
	}
	return nil
}

// poolLogout ends the session and goes back, to an address that the client has registered for that: no other one is ever gone to, and
// for no other client's a session ends. Amplify has no token to prove who asks; the worst that another site reaches is a sign-out.
func (p *Provider) poolLogout(w http.ResponseWriter, r *http.Request) error {
	params, err := web.Query(r)
	if err != nil {
		return err
	}
	if web.Once(params) != nil {
		return p.refused(w, r, &pageError{kind: views.ErrorRequest})
	}
	if err := p.poolClient(r, params.Get("client_id")); err != nil {
		return p.refused(w, r, err)
	}
	if params.Get("logout_uri") == "" && params.Get("redirect_uri") != "" { // sign out, and in again
		if err := p.leave(w, r); err != nil {
			return err
		}
		return web.SeeOther(w, r, "/cognito/oauth2/authorize?"+params.Encode())
	}
	s, err := p.readSignOut(r, url.Values{"client_id": params["client_id"], "post_logout_redirect_uri": params["logout_uri"]})
	if err != nil {
		return p.refused(w, r, err)
	}
	if s.uri == "" {
		return p.refused(w, r, &pageError{kind: views.ErrorRequest, client: &s.client.Client})
	}
	if err := p.leave(w, r); err != nil {
		return err
	}
	return web.SeeOther(w, r, s.uri)
}

// leave ends the session of this browser, if there is one.
func (p *Provider) leave(w http.ResponseWriter, r *http.Request) error {
	live, err := p.engine.Session(r.Context(), p.cookies.Get(r, "session"))
	if err != nil || live == nil {
		return err
	}
	if err := p.engine.SignOut(r.Context(), p.visitor(r), live.Session.ID); err != nil {
		return err
	}
	p.cookies.Clear(w, "session")
	return nil
}
