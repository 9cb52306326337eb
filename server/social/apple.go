package social

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// appleSecretLife is how long a client secret is good for. Apple allows six months; each is used once.
const appleSecretLife = 5 * time.Minute

// secretOf is what we prove to a provider who we are with. Apple's is a JWT that we sign ("Creating a client secret").
func (c *Client) secretOf(to Connection, k *kind) (string, error) {
	if to.Kind != AppleKind {
		return to.Secret, nil
	}
	key, err := appleKey(to.Secret)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrSettings, err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: to.KeyID}}, nil)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrSettings, err)
	}
	now := c.now()
	return jwt.Signed(signer).Claims(jwt.Claims{Issuer: to.TeamID, Subject: to.ClientID, Audience: jwt.Audience{k.issuer},
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(appleSecretLife))}).Serialize()
}

// appleKey reads the key file that Apple hands out.
func appleKey(text string) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(strings.TrimSpace(text) + "\n"))
	if block == nil {
		return nil, errors.New("the key of Apple is not PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the key of Apple is not PKCS #8")
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, errors.New("the key of Apple is not of the curve P-256")
	}
	return key, nil
}

// appleName takes over the name that comes beside the code, and only the first time. Nobody has signed it: it is a name and nothing else.
func appleName(claims map[string]any, user string) {
	var said struct {
		Name struct {
			First string `json:"firstName"`
			Last  string `json:"lastName"`
		} `json:"name"`
	}
	if len(user) > 4<<10 || json.Unmarshal([]byte(user), &said) != nil {
		return
	}
	for name, text := range map[string]string{"given_name": said.Name.First, "family_name": said.Name.Last, "name": strings.TrimSpace(said.Name.First + " " + said.Name.Last)} {
		if text != "" && claims[name] == nil {
			claims[name] = text
		}
	}
}
