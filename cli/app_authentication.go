package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"gatelatch/server/admin"
)

// authenticationFlags are the flags that say how an application proves who it is.
type authenticationFlags struct {
	method, alg, jwks, jwksURI string
	endpointAudience           bool
	typed                      func(name string) bool
}

func (s *authenticationFlags) bind(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.method, "auth-method", "", "how it proves who it is: client_secret_basic, client_secret_post or private_key_jwt")
	f.StringVar(&s.alg, "auth-alg", "", "the only `algorithm` of its assertions: RS256, PS256, ES256 or EdDSA")
	f.StringVar(&s.jwks, "jwks", "", "`file` with its public keys, {\"keys\": […]}; empty takes them away")
	f.StringVar(&s.jwksURI, "jwks-uri", "", "`address` of its public keys; empty takes it away")
	f.BoolVar(&s.endpointAudience, "allow-endpoint-audience", false, "accept assertions that are addressed to an endpoint, as older libraries do")
	s.typed = f.Changed
}

// switches are the settings that were typed; the error is that of reading the file.
func (s *authenticationFlags) switches() (admin.AuthenticationSwitches, error) {
	out := admin.AuthenticationSwitches{
		TokenEndpointAuthMethod:     given(s.typed("auth-method"), s.method),
		TokenEndpointAuthSigningAlg: given(s.typed("auth-alg"), s.alg),
		JWKSURI:                     given(s.typed("jwks-uri"), s.jwksURI),
		AllowEndpointAudience:       given(s.typed("allow-endpoint-audience"), s.endpointAudience),
	}
	switch {
	case !s.typed("jwks"):
	case s.jwks == "":
		out.JWKS = json.RawMessage("null")
	default:
		text, err := os.ReadFile(s.jwks)
		if err != nil {
			return out, fmt.Errorf("read the public keys: %w", err)
		}
		if !json.Valid(text) {
			return out, fmt.Errorf("%s is not JSON. Expected public keys: {\"keys\": [{\"kty\": …}]}", s.jwks)
		}
		out.JWKS = text
	}
	return out, nil
}

// secretState says what a person should know of a secret: how long it works, and whether anybody uses it.
func secretState(s admin.AppSecret, now time.Time) string {
	text := "…" + s.LastFour
	if s.Expires != nil {
		text += ", works until " + s.Expires.Format("2006-01-02 15:04 UTC")
		if left := s.Expires.Sub(now); left < 14*24*time.Hour {
			text += " (soon: gatelatch app rotate-secret)"
		}
	}
	if s.LastUsed == nil {
		return text + ", never used"
	}
	return text + ", last used " + s.LastUsed.Format("2006-01-02 15:04 UTC")
}

// showAuthentication adds to the table how an application proves who it is.
func (w columns) showAuthentication(app admin.App) {
	if app.TokenEndpointAuthMethod != "private_key_jwt" && app.JWKSURI == "" && len(app.JWKS) == 0 {
		return
	}
	w.row("  Proves itself by", app.TokenEndpointAuthMethod)
	switch {
	case app.JWKSURI != "":
		w.row("  Public keys", app.JWKSURI)
	case len(app.JWKS) > 0:
		var set struct {
			Keys []struct {
				Kid string `json:"kid"`
				Kty string `json:"kty"`
			} `json:"keys"`
		}
		_ = json.Unmarshal(app.JWKS, &set) // checked when it was saved
		for i, k := range set.Keys {
			w.row(label(i, "  Public key"), k.Kty+" "+k.Kid)
		}
	}
}
