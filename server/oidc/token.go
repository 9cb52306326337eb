package oidc

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/ory/fosite"

	"gatelatch/server/web"
	"gatelatch/storage"
)

// tokenResponse is RFC 6749 §5.1 and OpenID Connect Core §3.1.3.3.
type tokenResponse struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	IssuedType   string `json:"issued_token_type,omitempty"` // RFC 8693 §2.2.1
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope"`
	IDToken      string `json:"id_token,omitempty"`
}

var grantTypes = []string{"authorization_code", "refresh_token", "client_credentials", deviceGrantType, exchangeGrantType}

// token answers RFC 6749 §3.2. Parameters in the address count for nothing: secrets do not belong there.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) error {
	form, err := web.PostForm(w, r)
	if err != nil {
		return err
	}
	if web.Once(form, repeatable...) != nil {
		return oauthError("invalid_request", "A parameter is there more than once.")
	}
	switch form.Get("grant_type") {
	case "":
		return oauthError("invalid_request", "grant_type is missing.")
	case "authorization_code":
		if form.Get("code") == "" {
			return oauthError("invalid_request", "code is missing.")
		}
	case "refresh_token":
		if form.Get("refresh_token") == "" {
			return oauthError("invalid_request", "refresh_token is missing.")
		}
	case "client_credentials", exchangeGrantType:
	case deviceGrantType:
		if form.Get("device_code") == "" {
			return oauthError("invalid_request", "device_code is missing.")
		}
	default:
		return oauthError("unsupported_grant_type", "grant_type must be one of "+strings.Join(grantTypes, ", ")+".")
	}
	ctx, m := withMemo(r.Context())
	r = r.WithContext(ctx)
	r.Form, r.PostForm = form, form
	if m.proof, err = p.proofOf(w, r, ""); err != nil {
		return fromFosite(err)
	}
	request, err := p.fosite.NewAccessRequest(ctx, r, &session{})
	if err != nil {
		return p.tokenError(ctx, m, form.Get("grant_type"), err)
	}
	response, err := p.fosite.NewAccessResponse(ctx, request)
	if err != nil {
		return p.tokenError(ctx, m, form.Get("grant_type"), err)
	}
	se := request.GetSession().(*session)
	out := tokenResponse{AccessToken: response.GetAccessToken(), TokenType: "Bearer", Scope: strings.Join(se.scopes, " "),
		ExpiresIn: int64(se.GetExpiresAt(fosite.AccessToken).Sub(p.now()).Round(time.Second).Seconds())}
	if se.actor != nil {
		out.IssuedType = accessTokenType
	}
	if se.jkt != "" {
		out.TokenType = "DPoP"
	}
	if m.refresh {
		out.RefreshToken = p.refreshToken(se, m.generation) // the current one: somebody may have been faster than us
	}
	if token, ok := response.GetExtra("id_token").(string); ok {
		out.IDToken = token
	}
	return web.JSON(w, http.StatusOK, out)
}

func oauthError(code, description string) *web.Error {
	return &web.Error{Status: http.StatusBadRequest, Code: code, Message: description}
}

// tokenError turns fosite's errors into RFC 6749 §5.2, and does what fosite leaves undone: a failed exchange counts against the code,
// a lost race is a reuse, and a store that is away is never the client's fault.
func (p *Provider) tokenError(ctx context.Context, m *memo, grantType string, err error) error {
	if m.failure != nil {
		return m.failure
	}
	if storage.Away(err) {
		return caused(err)
	}
	switch {
	case errors.Is(err, fosite.ErrInvalidatedAuthorizeCode):
		event := storage.Event{ID: storage.NewID(), Kind: storage.EventCodeReused, UserID: m.grant.UserID, ClientID: m.grant.ClientID, IP: visitorIP(ctx)}
		if err := p.revokeGrant(ctx, m.grant.ID, event); err != nil {
			return err
		}
		return oauthError("invalid_grant", "The authorization code has been used already.")
	case errors.Is(err, fosite.ErrInactiveToken):
		return oauthError("invalid_grant", "The refresh token has been used already, or its grant was revoked.")
	}
	known := fosite.ErrorToRFC6749Error(err)
	if known.ErrorField == fosite.ErrInvalidGrant.ErrorField && grantType == "authorization_code" && m.loaded && m.grant.CodeSpent == 0 && m.grant.RevokedAt == 0 {
		miss := func(tx storage.Tx) error { return tx.MissCode(m.grant.ID, p.micros(), codeTries) }
		if err := p.store.Write(context.WithoutCancel(ctx), miss); err != nil {
			return err
		}
	}
	return fromFosite(err)
}

// fromFosite gives an error of fosite its place in our vocabulary.
func fromFosite(err error) error {
	known := fosite.ErrorToRFC6749Error(err)
	switch {
	case known.CodeField >= 500 || known.ErrorField == "error":
		return caused(err)
	case known.ErrorField == fosite.ErrInvalidClient.ErrorField:
		return &web.Error{Status: http.StatusUnauthorized, Code: "invalid_client", Message: known.HintField, Err: err}
	}
	text := known.HintField
	if text == "" {
		text = known.DescriptionField
	}
	return &web.Error{Status: http.StatusBadRequest, Code: known.ErrorField, Message: text, Err: err}
}

func visitorIP(ctx context.Context) string {
	if ip := web.VisitorOf(ctx).IP; ip.IsValid() {
		return ip.String()
	}
	return ""
}
