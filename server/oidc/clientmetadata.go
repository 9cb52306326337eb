package oidc

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"gatelatch/server/authn"
	"gatelatch/server/clients"
	"gatelatch/server/jose"
	"gatelatch/server/web"
	"gatelatch/storage"
)

// Bounds of what an application may say about itself beside its addresses, which server/clients bounds.
const (
	maxNameLength    = 100
	maxContacts      = 10
	maxContactLength = 200
)

// clientMetadata is what an application may say about itself (RFC 7591 §2; OpenID Connect Registration §2 and the standards on
// logout, pushed and signed requests, JARM and DPoP). What is not here is ignored, as the standard says.
type clientMetadata struct {
	RedirectURIs           []string        `json:"redirect_uris,omitempty"`
	PostLogoutRedirectURIs []string        `json:"post_logout_redirect_uris,omitempty"`
	AuthMethod             string          `json:"token_endpoint_auth_method,omitempty"`
	AuthAlg                string          `json:"token_endpoint_auth_signing_alg,omitempty"`
	JWKS                   json.RawMessage `json:"jwks,omitempty"`
	JWKSURI                string          `json:"jwks_uri,omitempty"`
	GrantTypes             []string        `json:"grant_types,omitempty"`
	ResponseTypes          []string        `json:"response_types,omitempty"`
	ApplicationType        string          `json:"application_type,omitempty"`
	Name                   string          `json:"client_name,omitempty"`
	Scope                  string          `json:"scope,omitempty"`
	Contacts               []string        `json:"contacts,omitempty"`
	HomeURL                string          `json:"client_uri,omitempty"`
	LogoURL                string          `json:"logo_uri,omitempty"`
	PolicyURL              string          `json:"policy_uri,omitempty"`
	TermsURL               string          `json:"tos_uri,omitempty"`
	InitiateLoginURI       string          `json:"initiate_login_uri,omitempty"`
	LogoutURI              string          `json:"backchannel_logout_uri,omitempty"`
	LogoutSession          bool            `json:"backchannel_logout_session_required,omitempty"`
	SubjectType            string          `json:"subject_type,omitempty"`
	SectorURI              string          `json:"sector_identifier_uri,omitempty"`
	IDTokenAlg             string          `json:"id_token_signed_response_alg,omitempty"`
	UserinfoAlg            string          `json:"userinfo_signed_response_alg,omitempty"`
	AuthorizationAlg       string          `json:"authorization_signed_response_alg,omitempty"`
	RequestObjectAlg       string          `json:"request_object_signing_alg,omitempty"`
	RequireSigned          bool            `json:"require_signed_request_object,omitempty"`
	RequirePushed          bool            `json:"require_pushed_authorization_requests,omitempty"`
	DPoPBound              bool            `json:"dpop_bound_access_tokens,omitempty"`

	statement    string // software_statement
	clientID     string // in a change: must be the client's own (RFC 7592 §2.2)
	clientSecret string // in a change: if there, a live one
}

// members are the names that are read, letter by letter: encoding/json alone would also take Redirect_URIs for redirect_uris.
func (m *clientMetadata) members() map[string]any {
	return map[string]any{
		"redirect_uris": &m.RedirectURIs, "post_logout_redirect_uris": &m.PostLogoutRedirectURIs, "token_endpoint_auth_method": &m.AuthMethod, "token_endpoint_auth_signing_alg": &m.AuthAlg,
		"jwks": &m.JWKS, "jwks_uri": &m.JWKSURI, "grant_types": &m.GrantTypes, "response_types": &m.ResponseTypes, "application_type": &m.ApplicationType, "client_name": &m.Name, "scope": &m.Scope,
		"contacts": &m.Contacts, "client_uri": &m.HomeURL, "logo_uri": &m.LogoURL, "policy_uri": &m.PolicyURL, "tos_uri": &m.TermsURL, "initiate_login_uri": &m.InitiateLoginURI,
		"backchannel_logout_uri": &m.LogoutURI, "backchannel_logout_session_required": &m.LogoutSession, "subject_type": &m.SubjectType, "sector_identifier_uri": &m.SectorURI,
		"id_token_signed_response_alg": &m.IDTokenAlg, "userinfo_signed_response_alg": &m.UserinfoAlg, "authorization_signed_response_alg": &m.AuthorizationAlg,
		"request_object_signing_alg": &m.RequestObjectAlg, "require_signed_request_object": &m.RequireSigned, "require_pushed_authorization_requests": &m.RequirePushed,
		"dpop_bound_access_tokens": &m.DPoPBound, "software_statement": &m.statement, "client_id": &m.clientID, "client_secret": &m.clientSecret,
	}
}

// Members that ask for something that would be unsafe to pass over: the application would wait for encrypted answers.
var unsupportedMembers = []string{"id_token_encrypted_response_alg", "userinfo_encrypted_response_alg", "request_object_encryption_alg", "authorization_encrypted_response_alg", "introspection_encrypted_response_alg"}

func metadataError(description string) *web.Error {
	return oauthError("invalid_client_metadata", description)
}

// readMetadata reads what an application says about itself. null is the same as nothing (RFC 7592 §2.2).
func readMetadata(w http.ResponseWriter, r *http.Request) (clientMetadata, error) {
	body, err := web.JSONBody(w, r)
	if err != nil {
		return clientMetadata{}, err
	}
	given, err := jose.Object(body)
	if err != nil {
		return clientMetadata{}, metadataError("The body must be one JSON object with every member once.")
	}
	return decodeMetadata(given)
}

// decodeMetadata reads the members of what an application says about itself.
func decodeMetadata(given map[string]json.RawMessage) (clientMetadata, error) {
	var m clientMetadata
	for _, name := range unsupportedMembers {
		if v, ok := given[name]; ok && string(v) != "null" {
			return m, metadataError(name + " is not supported: nothing is encrypted here but by TLS. Leave it out.")
		}
	}
	for name, into := range m.members() {
		value, ok := given[name]
		if !ok || string(value) == "null" {
			continue
		}
		if err := json.Unmarshal(value, into); err != nil {
			code := "invalid_client_metadata"
			if name == "redirect_uris" {
				code = "invalid_redirect_uri"
			}
			return m, oauthError(code, name+" is of another kind than RFC 7591 section 2 says.")
		}
	}
	if m.statement != "" {
		if strings.Count(m.statement, ".") != 2 {
			return m, oauthError("invalid_software_statement", "software_statement is not a JWT.")
		}
		return m, oauthError("unapproved_software_statement", "No issuer of software statements is trusted here. Leave software_statement out and give the members themselves.")
	}
	return m, nil
}

// apply brings what an application says about itself into the form that is kept, over what an administrator has set for it.
func (m clientMetadata) apply(c storage.Client) (storage.Client, error) {
	if err := m.check(); err != nil {
		return c, err
	}
	c.Type = m.kind()
	c.Framework, c.Name = "generic", cmp.Or(strings.TrimSpace(m.Name), hostOf(m.RedirectURIs))
	c.RedirectURIs, c.PostLogoutRedirectURIs, c.AllowedOrigins = m.RedirectURIs, m.PostLogoutRedirectURIs, nil
	s := &c.Settings
	s.Origin = cmp.Or(s.Origin, storage.OriginRegistration)
	s.BareIDToken = true // whoever comes by the standard gets the standard
	s.AuthMethod, s.AuthAlg, s.JWKS, s.JWKSURI = cmp.Or(m.AuthMethod, "client_secret_basic"), m.AuthAlg, m.JWKS, m.JWKSURI
	s.GrantTypes = nil
	for _, g := range m.GrantTypes { // those that are for people; the answer says which it got (RFC 7591 §2)
		if g == "authorization_code" || g == "refresh_token" {
			s.GrantTypes = append(s.GrantTypes, g)
		}
	}
	if m.GrantTypes != nil && !slices.Contains(s.GrantTypes, "authorization_code") {
		return c, metadataError("grant_types must contain authorization_code: an application that describes itself acts for people who sign in.")
	}
	s.Scopes = strings.Fields(m.Scope)
	s.Contacts, s.HomeURL, s.LogoURL, s.PolicyURL, s.TermsURL = m.Contacts, m.HomeURL, m.LogoURL, m.PolicyURL, m.TermsURL
	s.InitiateLoginURI, s.LogoutURI, s.LogoutSession = m.InitiateLoginURI, m.LogoutURI, m.LogoutSession
	s.SubjectType, s.SectorURI = m.SubjectType, m.SectorURI
	s.IDTokenAlg, s.UserinfoAlg, s.AuthorizationAlg = cmp.Or(m.IDTokenAlg, RS256), m.UserinfoAlg, m.AuthorizationAlg
	s.RequestObjectAlg, s.RequireSigned, s.RequirePushed, s.DPoPBound = m.RequestObjectAlg, m.RequireSigned, m.RequirePushed, m.DPoPBound
	s.AllowHTTP = false
	c, err := clients.Settle(c)
	return c, registrationRefused(err)
}

// check refuses what server/clients does not judge, because an administrator cannot write it.
func (m clientMetadata) check() error {
	if m.AuthMethod != "" && !slices.Contains(authMethods, m.AuthMethod) {
		return metadataError("token_endpoint_auth_method can be one of " + strings.Join(authMethods, ", ") + ".")
	}
	if m.ResponseTypes != nil && !slices.Contains(m.ResponseTypes, "code") {
		return metadataError("response_types can only be code.")
	}
	if m.ApplicationType != "" && m.ApplicationType != "web" && m.ApplicationType != "native" {
		return metadataError("application_type can be web or native.")
	}
	if m.SubjectType != "" && m.SubjectType != "public" && m.SubjectType != "pairwise" {
		return metadataError("subject_type can be public or pairwise.")
	}
	for name, alg := range map[string]string{"id_token_signed_response_alg": m.IDTokenAlg, "userinfo_signed_response_alg": m.UserinfoAlg, "authorization_signed_response_alg": m.AuthorizationAlg} {
		if alg != "" && !slices.Contains(signingAlgs, alg) {
			return metadataError(name + " can be one of " + strings.Join(signingAlgs, ", ") + ".")
		}
	}
	if len(m.Name) > maxNameLength {
		return metadataError("client_name is longer than 100 bytes.")
	}
	if len(m.Contacts) > maxContacts || slices.ContainsFunc(m.Contacts, func(s string) bool {
		return len(s) > maxContactLength || strings.ContainsFunc(s, unicode.IsControl)
	}) {
		return metadataError("contacts can be ten addresses of at most 200 bytes.")
	}
	return nil
}

// kind is the type of the application: one without a secret or key is on the person's own device or in their browser. Those that
// return to a port of the person's machine, or by a scheme of their own, are programs there, whether they say so or not.
func (m clientMetadata) kind() string {
	if m.AuthMethod != "none" {
		return "web"
	}
	native := func(uri string) bool { _, here, app := returnsTo(uri); return here || app }
	if m.ApplicationType == "native" || slices.ContainsFunc(m.RedirectURIs, native) {
		return "native"
	}
	return "spa"
}

// hostOf names an application that has no name by where it is.
func hostOf(uris []string) string {
	if len(uris) == 0 {
		return "?" // refused for that reason
	}
	if u, err := url.Parse(uris[0]); err == nil {
		return cmp.Or(u.Hostname(), u.Scheme, "?")
	}
	return "?"
}

// registrationRefused gives a problem of server/clients its place in RFC 7591 §3.2.2.
func registrationRefused(err error) error {
	var problem *clients.Problem
	switch {
	case !errors.As(err, &problem):
		return err
	case problem.Member == "redirect_uris":
		return &web.Error{Status: http.StatusBadRequest, Code: "invalid_redirect_uri", Message: problem.Detail, Err: problem}
	}
	return &web.Error{Status: http.StatusBadRequest, Code: "invalid_client_metadata", Message: problem.Detail, Err: problem}
}

// metadataDifference tells what an application has changed about itself. Who answers for it may be a person.
func metadataDifference(old, c storage.Client) string {
	return authn.Difference(metadataOf(old), metadataOf(c), "contacts")
}

// metadataOf is what is registered for an application.
func metadataOf(c storage.Client) clientMetadata {
	s, kind := c.Settings, "web"
	if c.Type == "native" {
		kind = "native"
	}
	return clientMetadata{
		RedirectURIs: c.RedirectURIs, PostLogoutRedirectURIs: c.PostLogoutRedirectURIs, AuthMethod: s.AuthMethod, AuthAlg: s.AuthAlg, JWKS: s.JWKS, JWKSURI: s.JWKSURI,
		GrantTypes: c.Grants(), ResponseTypes: []string{"code"}, ApplicationType: kind, Name: c.Name, Scope: strings.Join(s.Scopes, " "),
		Contacts: s.Contacts, HomeURL: s.HomeURL, LogoURL: s.LogoURL, PolicyURL: s.PolicyURL, TermsURL: s.TermsURL, InitiateLoginURI: s.InitiateLoginURI,
		LogoutURI: s.LogoutURI, LogoutSession: s.LogoutSession, SubjectType: cmp.Or(s.SubjectType, "public"), SectorURI: s.SectorURI,
		IDTokenAlg: cmp.Or(s.IDTokenAlg, RS256), UserinfoAlg: s.UserinfoAlg, AuthorizationAlg: s.AuthorizationAlg,
		RequestObjectAlg: s.RequestObjectAlg, RequireSigned: s.RequireSigned, RequirePushed: s.RequirePushed, DPoPBound: s.DPoPBound,
	}
}
