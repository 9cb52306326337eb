package oidc

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"gatelatch/server/authn"
	"gatelatch/server/jose"
)

// metadata is OpenID Connect Discovery §3 and RFC 8414 §2.
type metadata struct {
	Issuer                   string   `json:"issuer"`
	AuthorizationEndpoint    string   `json:"authorization_endpoint"`
	TokenEndpoint            string   `json:"token_endpoint"`
	UserinfoEndpoint         string   `json:"userinfo_endpoint"`
	PAREndpoint              string   `json:"pushed_authorization_request_endpoint"`
	JWKSURI                  string   `json:"jwks_uri"`
	RevocationEndpoint       string   `json:"revocation_endpoint"`
	RegistrationEndpoint     string   `json:"registration_endpoint,omitempty"`
	IntrospectionEndpoint    string   `json:"introspection_endpoint"`
	IntrospectionAuthMethods []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAuthAlgs    []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	IntrospectionAlgs        []string `json:"introspection_signing_alg_values_supported"`
	EndSessionEndpoint       string   `json:"end_session_endpoint"`
	BackchannelLogout        bool     `json:"backchannel_logout_supported"`
	BackchannelSession       bool     `json:"backchannel_logout_session_supported"`
	DeviceEndpoint           string   `json:"device_authorization_endpoint"`
	ScopesSupported          []string `json:"scopes_supported"`
	ResponseTypesSupported   []string `json:"response_types_supported"`
	ResponseModesSupported   []string `json:"response_modes_supported"`
	GrantTypesSupported      []string `json:"grant_types_supported"`
	PromptValuesSupported    []string `json:"prompt_values_supported"`
	ACRValuesSupported       []string `json:"acr_values_supported"`
	SubjectTypesSupported    []string `json:"subject_types_supported"`
	UserinfoAlgs             []string `json:"userinfo_signing_alg_values_supported"`
	IDTokenAlgs              []string `json:"id_token_signing_alg_values_supported"`
	TokenAuthMethods         []string `json:"token_endpoint_auth_methods_supported"`
	TokenAuthAlgs            []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	RevocationAuthMethods    []string `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAuthAlgs       []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	DPoPAlgs                 []string `json:"dpop_signing_alg_values_supported"`
	ClaimTypesSupported      []string `json:"claim_types_supported"`
	ClaimsSupported          []string `json:"claims_supported"`
	ClaimsParameter          bool     `json:"claims_parameter_supported"`
	AuthorizationAlgs        []string `json:"authorization_signing_alg_values_supported"`
	RequestParameter         bool     `json:"request_parameter_supported"`
	RequestObjectAlgs        []string `json:"request_object_signing_alg_values_supported"`
	RequestURIParameter      bool     `json:"request_uri_parameter_supported"`
	RequireRequestURI        bool     `json:"require_request_uri_registration"`
	CodeChallengeMethods     []string `json:"code_challenge_methods_supported"`
	IssInResponse            bool     `json:"authorization_response_iss_parameter_supported"`
	UILocalesSupported       []string `json:"ui_locales_supported,omitempty"`
	ClientDocuments          bool     `json:"client_id_metadata_document_supported,omitempty"`
}

func (p *Provider) metadata() metadata {
	registration := ""
	if p.registers() {
		registration = p.issuer + "/register"
	}
	return metadata{
		RegistrationEndpoint: registration,
		Issuer:               p.issuer, AuthorizationEndpoint: p.issuer + "/authorize", TokenEndpoint: p.issuer + "/token", UserinfoEndpoint: p.issuer + "/userinfo",
		PAREndpoint: p.issuer + "/par", AuthorizationAlgs: signingAlgs, RequestParameter: true, RequestObjectAlgs: jose.Algorithms,
		JWKSURI: p.issuer + "/jwks", RevocationEndpoint: p.issuer + "/revoke", EndSessionEndpoint: p.issuer + "/logout",
		IntrospectionEndpoint: p.issuer + "/introspect", IntrospectionAuthMethods: confidentialMethods, IntrospectionAuthAlgs: jose.Algorithms, IntrospectionAlgs: signingAlgs,
		BackchannelLogout: true, BackchannelSession: true,
		DeviceEndpoint:  p.issuer + "/device_authorization",
		ScopesSupported: knownScopes, ResponseTypesSupported: []string{"code"}, ResponseModesSupported: responseModes,
		GrantTypesSupported: grantTypes, PromptValuesSupported: knownPrompts, ACRValuesSupported: authn.ACRs, ClaimsParameter: true, SubjectTypesSupported: []string{"public", "pairwise"}, UserinfoAlgs: signingAlgs,
		IDTokenAlgs: signingAlgs, TokenAuthMethods: authMethods, TokenAuthAlgs: jose.Algorithms,
		RevocationAuthMethods: authMethods, RevocationAuthAlgs: jose.Algorithms, DPoPAlgs: dpopAlgs, ClaimTypesSupported: []string{"normal"},
		ClaimsSupported:      claimsSupported(),
		CodeChallengeMethods: []string{"S256"}, IssInResponse: true, UILocalesSupported: p.Languages,
		ClientDocuments: p.ClientDocuments,
	}
}

// claimsSupported are the claims that tokens and userinfo can have, those about the sign-in first.
func claimsSupported() []string {
	claims := []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"}
	for _, a := range authn.Attributes {
		if claim, _, _ := strings.Cut(a.Name, "."); !slices.Contains(claims, claim) {
			claims = append(claims, claim)
		}
	}
	return append(claims, "updated_at", "email", "email_verified")
}

// discovery publishes what this server can do. The document depends on the configuration alone, but for the claims that an administrator
// has made up. Where those cannot be read the rest is told all the same: applications need it to find their way.
func (p *Provider) discovery(w http.ResponseWriter, r *http.Request) error {
	document := p.document
	if x, err := p.engine.Experience(r.Context()); err == nil {
		if own := slices.Sorted(maps.Keys(x.OwnScopes())); len(own) > 0 {
			m := p.metadata()
			m.ClaimsSupported = append(m.ClaimsSupported, own...)
			if document, err = json.Marshal(m); err != nil {
				return err
			}
		}
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	return sendDocument(w, document)
}

// jwks publishes the public keys that verify our signatures.
func (p *Provider) jwks(w http.ResponseWriter, r *http.Request) error {
	keys, err := p.cache.keys(r.Context())
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "public, max-age="+strconv.Itoa(int(jwksLife.Seconds())))
	w.Header().Set("ETag", keys.etag)
	if r.Header.Get("If-None-Match") == keys.etag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return sendDocument(w, keys.public)
}

func sendDocument(w http.ResponseWriter, document []byte) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(document)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(document) // the client may have gone: nothing to be done
	return nil
}
