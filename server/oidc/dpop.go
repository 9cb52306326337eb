package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"gatelatch/server/jose"
	"gatelatch/server/secret"
	"gatelatch/server/web"
	"gatelatch/storage"
)

// Algorithms of DPoP proofs (RFC 9449 §4.2). RS256 is left to those who cannot do better elsewhere (FAPI 2.0 §5.4.1).
var dpopAlgs = []string{PS256, ES256, EdDSA, "Ed25519"}

// dpopChallenge asks for a proof (RFC 9449 §7.1).
var dpopChallenge = `DPoP algs="` + strings.Join(dpopAlgs, " ") + `"`

const (
	dpopSkew  = time.Minute // how far a proof's clock may be off
	nonceSlot = time.Minute // a nonce changes so often
	nonceOld  = 4           // and is good for so many changes more
	maxJTI    = 256
)

// dpopProof is a proof of possession that was signed with the key it carries, for this request and a moment ago. Whether it was
// seen before is asked when everything else is right: see Provider.useProof.
type dpopProof struct {
	jkt   string // RFC 7638 thumbprint of the key
	id    string
	until int64 // when it is too old to be believed anyway
	nonce bool  // it carries a nonce of ours
}

// dpopError says what is wrong with a proof (RFC 9449 §5, §7.1); fresh asks for a nonce of ours (§8).
func dpopError(description string) *fosite.RFC6749Error {
	return (&fosite.RFC6749Error{ErrorField: "invalid_dpop_proof", CodeField: http.StatusBadRequest}).WithHint(description)
}

var errNonce = (&fosite.RFC6749Error{ErrorField: "use_dpop_nonce", CodeField: http.StatusBadRequest}).WithHint("Put the nonce of the DPoP-Nonce header into the proof.")

// proofOf checks the DPoP proof of a request (RFC 9449 §4.3); nil if it has none. token is the access token it comes with, "" at
// endpoints that take none. Every answer to a proof carries the nonce that counts now.
func (p *Provider) proofOf(w http.ResponseWriter, r *http.Request, token string) (*dpopProof, error) {
	headers := r.Header.Values("DPoP")
	if len(headers) == 0 {
		return nil, nil
	}
	w.Header().Set("DPoP-Nonce", p.nonce())
	if len(headers) > 1 {
		return nil, dpopError("There is more than one DPoP header.")
	}
	j, err := jose.Parse(headers[0])
	if err != nil {
		return nil, dpopError("The DPoP header is not a signed JWT.")
	}
	if j.Header.Typ != "dpop+jwt" || !slices.Contains(dpopAlgs, j.Header.Alg) {
		return nil, dpopError("typ must be dpop+jwt, and alg one of " + strings.Join(dpopAlgs, ", ") + ".")
	}
	key, jkt, err := proofKey(headers[0])
	if err != nil || !j.Verify(jose.Set{key}) {
		return nil, dpopError("jwk must be a public key of alg that has signed the proof.")
	}
	if err := p.aboutThis(r, j.Claims, token); err != nil {
		return nil, err
	}
	proof := &dpopProof{jkt: jkt, until: p.now().Add(2 * dpopSkew).UnixMicro()}
	proof.id, _ = jose.Text(j.Claims["jti"])
	if proof.id == "" || len(proof.id) > maxJTI {
		return nil, dpopError("jti must be a text that the client never used before.")
	}
	if j.Claims["nonce"] != nil {
		nonce, _ := jose.Text(j.Claims["nonce"])
		if !p.knowsNonce(nonce) {
			return nil, errNonce
		}
		proof.nonce = true
	}
	return proof, nil
}

// proofKey reads the key out of a proof's header. It is the one place where a message brings its own key: nothing is believed because of
// it but that whoever sent the message holds it.
func proofKey(token string) (jose.Key, string, error) {
	head, _, _ := strings.Cut(token, ".")
	raw, err := strictBase64.DecodeString(head)
	if err != nil {
		return jose.Key{}, "", err
	}
	header, err := jose.Object(raw)
	if err != nil || header["jwk"] == nil {
		return jose.Key{}, "", errors.New("no jwk in the header")
	}
	key, err := jose.ParseKey(header["jwk"])
	if err != nil {
		return jose.Key{}, "", err
	}
	var k jwk
	if err := json.Unmarshal(header["jwk"], &k); err != nil {
		return jose.Key{}, "", err
	}
	return key, k.thumbprint(), nil
}

// aboutThis checks that a proof is for this request: its method, its address, its access token, and now.
func (p *Provider) aboutThis(r *http.Request, claims map[string]json.RawMessage, token string) error {
	if method, _ := jose.Text(claims["htm"]); method != r.Method {
		return dpopError("htm must be " + r.Method + ".")
	}
	if address, _ := jose.Text(claims["htu"]); !sameAddress(address, p.PublicURL, r.URL.Path) {
		return dpopError("htu must be the address of this endpoint, without query and fragment.")
	}
	var issued float64
	if claims["iat"] == nil || json.Unmarshal(claims["iat"], &issued) != nil {
		return dpopError("iat must be the time of the proof.")
	}
	if now := float64(p.now().Unix()); issued < now-dpopSkew.Seconds() || issued > now+dpopSkew.Seconds() {
		return dpopError("iat is more than a minute off: make a proof for each request, and look at the clock.")
	}
	for name, future := range map[string]bool{"exp": false, "nbf": true} {
		var at float64
		if claims[name] == nil {
			continue
		}
		if json.Unmarshal(claims[name], &at) != nil || future && at > float64(p.now().Unix())+dpopSkew.Seconds() || !future && at < float64(p.now().Unix())-dpopSkew.Seconds() {
			return dpopError(name + " says that the proof is not good now.")
		}
	}
	if token == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(token))
	if ath, _ := jose.Text(claims["ath"]); !secret.Equal([]byte(ath), []byte(base64.RawURLEncoding.EncodeToString(sum[:]))) {
		return dpopError("ath must be the SHA-256 of the access token in base64url.")
	}
	return nil
}

// sameAddress compares htu with an address of ours (RFC 9449 §4.3, RFC 3986 §6.2.2 and §6.2.3): scheme and host without regard to
// case, the usual port left out or not, the path as it is; query and fragment do not count.
func sameAddress(htu string, public *url.URL, path string) bool {
	u, err := url.Parse(htu)
	if err != nil || u.User != nil || u.Opaque != "" {
		return false
	}
	host := func(u *url.URL) string {
		port := u.Port()
		if port == "443" && strings.EqualFold(u.Scheme, "https") || port == "80" && strings.EqualFold(u.Scheme, "http") {
			port = ""
		}
		return strings.ToLower(u.Hostname()) + ":" + port
	}
	return strings.EqualFold(u.Scheme, public.Scheme) && host(u) == host(public) && u.Path == strings.TrimSuffix(public.Path, "/")+path
}

// nonce is what a fresh proof shall carry (RFC 9449 §8): a number for the minute and its MAC. Nothing is stored, every replica makes
// the same, and nobody can make one for tomorrow.
func (p *Provider) nonce() string { return p.nonceAt(p.now().Unix() / int64(nonceSlot.Seconds())) }

func (p *Provider) nonceAt(slot int64) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(slot))
	return base64.RawURLEncoding.EncodeToString(append(b, p.secrets.Digest("dpop-nonce", b)[:12]...))
}

func (p *Provider) knowsNonce(nonce string) bool {
	now, known := p.now().Unix()/int64(nonceSlot.Seconds()), false
	for age := range int64(nonceOld + 1) {
		known = secret.Equal([]byte(nonce), []byte(p.nonceAt(now-age))) || known
	}
	return known
}

// useProof lets a proof count once. The store remembers it until it is too old: a replay after a restart, or at another replica, is
// seen. It is asked last, so that only those fill the store who were right about everything else (docs/decisions/0006-dpop.md).
func (p *Provider) useProof(ctx context.Context, c storage.Client, proof *dpopProof) error {
	if c.Settings.RequireNonce && !proof.nonce {
		return errNonce
	}
	digest := p.secrets.Digest("dpop-jti", []byte(proof.jkt), []byte(proof.id))
	err := p.store.Write(ctx, func(tx storage.Tx) error { return tx.UseJTI(digest, proof.until) })
	if errors.Is(err, storage.ErrSpent) {
		return dpopError("The proof was used before: make one for each request.")
	}
	return err
}

// possession binds what the token endpoint issues to the key of the request's proof (RFC 9449 §5). It comes after the handlers that
// judge the grant, and before anything is issued.
type possession struct{ p *Provider }

var _ fosite.TokenEndpointHandler = (*possession)(nil)

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (h *possession) HandleTokenEndpointRequest(ctx context.Context, r fosite.AccessRequester) error {
	m, c, se := memoOf(ctx), r.GetClient().(*client), r.GetSession().(*session)
	if m.grant.JKT != "" && r.GetGrantTypes().ExactOne("authorization_code") && (m.proof == nil || m.proof.jkt != m.grant.JKT) {
		return fosite.ErrInvalidGrant.WithHint("The code is bound to another key (dpop_jkt).")
	}
	if m.proof == nil {
		if c.Settings.DPoPBound {
			return dpopError("This client must send a DPoP proof.")
		}
		return nil
	}
	if err := h.p.useProof(ctx, c.Client, m.proof); err != nil {
		if storage.Away(err) {
			m.failure = err
		}
		return err
	}
	se.jkt = m.proof.jkt
	return nil
}

// PopulateTokenEndpointResponse implements fosite.TokenEndpointHandler.
func (*possession) PopulateTokenEndpointResponse(context.Context, fosite.AccessRequester, fosite.AccessResponder) error {
	return fosite.ErrUnknownRequest
}

// CanSkipClientAuth implements fosite.TokenEndpointHandler.
func (*possession) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

// CanHandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (*possession) CanHandleTokenEndpointRequest(context.Context, fosite.AccessRequester) bool {
	return true
}

// boundTo is the key a grant's refresh token is bound to from its exchange on: that of a public client, which has nothing else to
// prove itself by (RFC 9449 §5).
func boundTo(m *memo) string {
	if m.proof != nil && m.client.Public() {
		return m.proof.jkt
	}
	return ""
}

// keepsRefresh reports whether a refresh token stays the same: where the client is set so, and where stealing it is no use, because
// the thief lacks a key (FAPI 2.0 Security Profile §5.3.2.1).
func (m *memo) keepsRefresh() bool {
	s := m.client.Settings
	return s.NeverRotate || m.grant.JKT != "" && m.grant.CodeSpent > 0 || s.DPoPBound || s.AuthMethod == storage.PrivateKeyJWT
}

// presented checks that an access token came as it has to (RFC 9449 §7.1): a bound one with a proof of its key, another one without.
func (p *Provider) presented(w http.ResponseWriter, r *http.Request, scheme, token string, a *access) error {
	switch bound := a.jkt != ""; {
	case bound && !strings.EqualFold(scheme, "DPoP"):
		return errBound
	case !bound && strings.EqualFold(scheme, "DPoP"):
		return refusedToken("The access token is not bound to a key: send it as Authorization: Bearer.")
	case !bound:
		return nil
	}
	proof, err := p.proofOf(w, r, token)
	switch {
	case err != nil:
		return refusedProof(err)
	case proof == nil:
		return refusedProof(dpopError("The access token is bound to a key: send a DPoP proof."))
	case proof.jkt != a.jkt:
		return refusedToken("The access token is bound to another key than the one that signed the proof.")
	}
	return refusedProof(p.useProof(r.Context(), a.client, proof))
}

// refusedProof gives an error of a proof the status of a resource (RFC 9449 §7.1).
func refusedProof(err error) error {
	var known *fosite.RFC6749Error
	if !errors.As(err, &known) {
		return err
	}
	return &web.Error{Status: http.StatusUnauthorized, Code: known.ErrorField, Message: known.HintField, Err: err}
}

// validThumbprint checks the form of a dpop_jkt (RFC 9449 §10): a SHA-256 in base64url.
func validThumbprint(s string) bool {
	b, err := strictBase64.DecodeString(s)
	return err == nil && len(b) == sha256.Size && !strings.ContainsAny(s, "\r\n")
}
