package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ory/fosite"

	"gatelatch/server/jose"
	"gatelatch/storage"
)

// assertionType is the client_assertion_type of RFC 7523 §2.2.
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// Bounds of a client's assertion: how far its clock may be off, and how long an assertion may live. Its jti is kept as long.
const (
	clockSkew     = time.Minute
	assertionLife = 10 * time.Minute
)

// assertedClient names the client that an assertion says it comes from, before anything is proven.
func assertedClient(form url.Values) (*jose.JWS, string, error) {
	if form.Get("client_assertion_type") != assertionType {
		return nil, "", fosite.ErrInvalidClient.WithHint("client_assertion_type must be " + assertionType + ".")
	}
	j, err := jose.Parse(form.Get("client_assertion"))
	if err != nil {
		return nil, "", fosite.ErrInvalidClient.WithHint("client_assertion is not a signed JWT.")
	}
	sub, _ := jose.Text(j.Claims["sub"])
	if named := form.Get("client_id"); named != "" && named != sub {
		return nil, "", fosite.ErrInvalidClient.WithHint("client_id and the sub of the client_assertion name two clients.")
	}
	return j, sub, nil
}

// checkAssertion decides whether a client has proven itself by an assertion (RFC 7523 §3, OpenID Connect Core §9). Until the
// signature is known to be right nobody learns why it was refused; after that, the owner of the key may know everything.
func (p *Provider) checkAssertion(ctx context.Context, c *client, j *jose.JWS) error {
	alg := j.Header.Alg
	if !jose.Supported(alg) || c.Settings.AuthAlg != "" && !jose.Same(alg, c.Settings.AuthAlg) {
		return errClient
	}
	keys, err := p.clientKeys(ctx, c, j.Header)
	if err != nil {
		p.log.WarnContext(ctx, "a client could not be authenticated: its keys are not to be had", "client_id", c.ID, "error", err)
		return errClient
	}
	if !j.Verify(keys) {
		return errClient
	}
	jti, expires, err := p.readAssertion(c, j)
	if err != nil {
		return err
	}
	err = p.useJTI(ctx, "assertion", c.ID, jti, expires)
	if errors.Is(err, storage.ErrSpent) {
		return wrongAssertion("its jti has been used already; every assertion needs a new one")
	}
	return err
}

// readAssertion judges the claims of an assertion whose signature is right.
func (p *Provider) readAssertion(c *client, j *jose.JWS) (jti string, expires time.Time, err error) {
	if j.Header.Typ != "" && !j.Header.IsType("jwt", "client-authentication+jwt") {
		return "", time.Time{}, wrongAssertion("its typ is that of another kind of JWT")
	}
	for _, name := range []string{"iss", "sub"} {
		if who, _ := jose.Text(j.Claims[name]); who != c.ID {
			return "", time.Time{}, wrongAssertion("its " + name + " must be the client_id")
		}
	}
	if !p.addressed(c, j.Claims["aud"]) {
		return "", time.Time{}, wrongAssertion("its aud must be the string " + p.issuer)
	}
	expires, err = p.readTimes(j.Claims, assertionLife)
	if err != nil {
		return "", time.Time{}, wrongAssertion(err.Error())
	}
	jti, ok := jose.Text(j.Claims["jti"])
	if !ok || jti == "" || len(jti) > 1024 {
		return "", time.Time{}, wrongAssertion("it needs a jti, a string that is different every time")
	}
	return jti, expires, nil
}

// wrongAssertion tells the owner of the key what to repair.
func wrongAssertion(why string) error {
	return fosite.ErrInvalidClient.WithHint("The client_assertion is not right: " + why + ".")
}

// addressed judges the aud of an assertion: our issuer, as one string (draft-ietf-oauth-rfc7523bis). An assertion for an
// endpoint could have been lured out by another server that calls that endpoint its own; older libraries send one, alone
// or in a list, and clients that use them can be set so.
func (p *Provider) addressed(c *client, aud json.RawMessage) bool {
	one, ok := jose.Text(aud)
	if ok && one == p.issuer {
		return true
	}
	if !c.Settings.EndpointAudience {
		return false
	}
	list := []string{one}
	if !ok && json.Unmarshal(aud, &list) != nil {
		return false
	}
	return slices.ContainsFunc(list, func(a string) bool {
		endpoint, ours := strings.CutPrefix(a, p.issuer)
		return ours && slices.Contains([]string{"", "/token", "/par", "/revoke", "/introspect", "/device_authorization"}, endpoint)
	})
}

// readTimes judges exp (required, at most life ahead), nbf and iat of a message that somebody else has signed; our clocks may
// differ by a minute (RFC 7519 §4.1).
func (p *Provider) readTimes(claims map[string]json.RawMessage, life time.Duration) (expires time.Time, err error) {
	now := p.now()
	read := func(name string) (at time.Time, there bool, err error) {
		if claims[name] == nil {
			return time.Time{}, false, nil
		}
		var seconds *float64
		if json.Unmarshal(claims[name], &seconds) != nil || seconds == nil || math.Abs(*seconds) > 1<<40 {
			return time.Time{}, true, errors.New("its " + name + " must be a number of seconds since 1970")
		}
		return time.Unix(int64(*seconds), 0), true, nil
	}
	expires, there, err := read("exp")
	switch {
	case err != nil:
		return expires, err
	case !there:
		return expires, errors.New("it needs an exp")
	case !now.Before(expires.Add(clockSkew)):
		return expires, errors.New("it has expired")
	case expires.Sub(now) > life:
		return expires, fmt.Errorf("its exp is too far ahead: %d minutes are the most", int(life.Minutes()))
	}
	for _, name := range []string{"nbf", "iat"} {
		if at, _, err := read(name); err != nil {
			return expires, err
		} else if at.After(now.Add(clockSkew)) {
			return expires, errors.New("its " + name + " lies in the future")
		}
	}
	return expires, nil
}

// useJTI lets a signed message of a client count once; storage.ErrSpent if it has been used for that purpose before.
func (p *Provider) useJTI(ctx context.Context, purpose, clientID, jti string, expires time.Time) error {
	digest := sha256.Sum256([]byte(purpose + "\x00" + clientID + "\x00" + jti))
	return p.store.Write(ctx, func(tx storage.Tx) error { return tx.UseJTI(digest[:], expires.Add(clockSkew).UnixMicro()) })
}
