package admin

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

const publicKey = `{"kty":"EC","crv":"P-256","kid":"k1","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`

func TestApplicationWithAKeyOfItsOwnHasNoSecret(t *testing.T) {
	o := newOffice(t)
	var made AppWithSecret
	o.must("POST", "/apps", `{"client_name":"Ledger","redirect_uris":["https://l.example/cb"],"token_endpoint_auth_method":"private_key_jwt","jwks":{"keys":[`+publicKey+`]}}`, &made)
	if made.ClientSecret != "" || len(made.Secrets) > 0 || made.TokenEndpointAuthMethod != "private_key_jwt" || !strings.Contains(string(made.JWKS), `"k1"`) {
		t.Fatalf("got %+v", made)
	}
	for _, line := range made.Guide.Env {
		if strings.Contains(line.Name, "SECRET") {
			t.Errorf("the guide has a line %s", line.Name)
		}
	}
	if why := o.refused(409, "POST", "/apps/"+made.ClientID+"/secrets", `{}`); !strings.Contains(why, "private_key_jwt") {
		t.Errorf("a secret for it is refused with %q", why)
	}
}

func TestMovingFromASecretToAKeyEndsTheSecretAtOnce(t *testing.T) {
	o := newOffice(t)
	var made AppWithSecret
	o.must("POST", "/apps", `{"client_name":"Ledger","redirect_uris":["https://l.example/cb"]}`, &made)
	var app App
	o.must("PATCH", "/apps/"+made.ClientID, `{"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://l.example/jwks"}`, &app)
	if len(app.Secrets) > 0 || app.JWKSURI != "https://l.example/jwks" {
		t.Fatalf("got %+v", app)
	}
	app = App{}
	o.must("PATCH", "/apps/"+made.ClientID, `{"jwks_uri":"","jwks":{"keys":[`+publicKey+`]}}`, &app)
	if app.JWKSURI != "" || len(app.JWKS) == 0 {
		t.Fatalf("got %+v", app)
	}
}

func TestKeysAndMethodsThatCannotBeSaved(t *testing.T) {
	o := newOffice(t)
	for name, c := range map[string][2]string{
		"no keys":              {`"token_endpoint_auth_method":"private_key_jwt"`, "set jwks or jwks_uri"},
		"keys in two places":   {`"jwks_uri":"https://l.example/","jwks":{"keys":[` + publicKey + `]}`, "both set"},
		"a private key":        {`"jwks":{"keys":[` + strings.TrimSuffix(publicKey, "}") + `,"d":"AA"}]}`, "private or shared key"},
		"a shared key":         {`"jwks":{"keys":[{"kty":"oct","k":"AA"}]}`, "private or shared key"},
		"no usable key":        {`"jwks":{"keys":[]}`, "no key that verifies"},
		"no key set":           {`"jwks":{"kty":"EC"}`, "cannot be used"},
		"an address of no use": {`"jwks_uri":"ftp://l.example/"`, "https://host/path"},
		"a password in it":     {`"jwks_uri":"https://a:b@l.example/"`, "https://host/path"},
		"an unknown algorithm": {`"token_endpoint_auth_signing_alg":"HS256"`, "RS256, PS256"},
		"none for type web":    {`"token_endpoint_auth_method":"none"`, "spa or native"},
		"a key in a browser":   {`"type":"spa","token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://l.example/"`, "authenticates by none"},
	} {
		if why := o.refused(422, "POST", "/apps", `{"client_name":"L","redirect_uris":["https://l.example/cb"],`+c[0]+`}`); !strings.Contains(why, c[1]) {
			t.Errorf("%s: got %q, want %q", name, why, c[1])
		}
	}
}

func TestASecretCanEndByItself(t *testing.T) {
	o := newOffice(t)
	var made, fresh AppWithSecret
	o.must("POST", "/apps", `{"client_name":"L","redirect_uris":["https://l.example/cb"]}`, &made)
	o.must("POST", "/apps/"+made.ClientID+"/secrets", `{"expires_in":7776000}`, &fresh)
	want := time.UnixMicro(o.now()).Add(90 * 24 * time.Hour)
	if e := fresh.Secrets[0].Expires; e == nil || e.Sub(want).Abs() > time.Minute {
		t.Fatalf("ends %v, want %v", e, want)
	}
	fresh = AppWithSecret{}
	o.must("POST", "/apps/"+made.ClientID+"/secrets", "", &fresh)
	if e := fresh.Secrets[0].Expires; e != nil {
		t.Fatalf("without a body it ends %v", e)
	}
}

func TestDeclaredKeysAreKeptAsTheyAreAndNotWrittenAgain(t *testing.T) {
	o := newOffice(t)
	d := Declared{}
	d.Client.ID, d.Client.Name, d.Client.Type, d.Client.RedirectURIs = "ledger", "Ledger", "web", []string{"https://l.example/cb"}
	d.Client.Settings.AuthMethod = "private_key_jwt"
	d.Client.Settings.JWKS = json.RawMessage(fmt.Sprintf(`{ "keys" : [ %s ], "note": "a<b&c" }`, publicKey))
	for range 2 {
		if err := Declare(t.Context(), o.store, []Declared{d}, o.now()); err != nil {
			t.Fatal(err)
		}
	}
	if got := o.events(); len(got) != 1 {
		t.Errorf("events are %v, want one", got)
	}
}
