package oidc

import (
	"maps"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

// known is a person about whom everything is known that the standard has a claim for (OpenID Connect Core §5.1).
const known = `{"given_name":"Ann","family_name":"Example","middle_name":"B.","nickname":"Annie","profile":"https://example.com/ann","website":"https://ann.example.com",
	"gender":"female","birthdate":"1990-02-03","zoneinfo":"Europe/London","phone_number":"+441392000000",
	"address":{"formatted":"1 High Street\nExeter","street_address":"1 High Street","locality":"Exeter","region":"Devon","postal_code":"EX1 1AA","country":"GB"}}`

func TestEachScopeTellsItsClaimsInTheirJSONTypes(t *testing.T) {
	w := newWorld(t)
	w.start(1)
	w.addClient("shop", "web", nil)
	u, cookie := w.person("Ann")
	u.Attributes, u.Picture, u.Locale, u.Name = []byte(known), "https://example.com/ann.png", "en-GB", "Ann Example"
	w.write(func(tx storage.Tx) error { return tx.UpdateUser(u) })
	scopes := map[string][]string{
		"profile": {"name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"},
		"email":   {"email", "email_verified"},
		"address": {"address"},
		"phone":   {"phone_number", "phone_number_verified"},
	}
	about := func(claims map[string]any) []string {
		var names []string
		for name := range claims {
			if claimScopes[name] != "" {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names
	}
	var all []string
	for scope, want := range scopes {
		all = append(all, want...)
		slices.Sort(want)
		got := w.exchange("shop", w.code(cookie, "shop", set("scope", "openid "+scope)))
		_, idToken := claims(t, got.text("id_token"))
		for where, told := range map[string]map[string]any{"the ID token": idToken, "userinfo": w.userinfo(got.text("access_token")).body} {
			if names := about(told); !slices.Equal(names, want) {
				t.Errorf("scope %s: %s tells %v, want %v", scope, where, names, want)
			}
		}
	}
	for name := range claimScopes {
		if !slices.Contains(all, name) {
			t.Errorf("no scope tells %s", name)
		}
	}
	told := w.userinfo(w.exchange("shop", w.code(cookie, "shop", set("scope", "openid profile email address phone"))).text("access_token")).body
	for name, want := range map[string]any{
		"updated_at": float64(u.Updated / 1e6), "email_verified": true, "phone_number_verified": false, "birthdate": "1990-02-03",
		"address": map[string]any{"formatted": "1 High Street\nExeter", "street_address": "1 High Street", "locality": "Exeter", "region": "Devon", "postal_code": "EX1 1AA", "country": "GB"},
	} {
		if !reflect.DeepEqual(told[name], want) {
			t.Errorf("%s is %#v, want %#v", name, told[name], want)
		}
	}
	byName := w.exchange("shop", w.code(cookie, "shop", set("scope", "openid"), set("claims", `{"userinfo":{"address":null,"phone_number":{"essential":true}},"id_token":{"birthdate":null}}`)))
	if got := about(w.userinfo(byName.text("access_token")).body); !slices.Equal(got, []string{"address", "phone_number"}) {
		t.Errorf("userinfo tells %v", got)
	}
	if _, idToken := claims(t, byName.text("id_token")); !slices.Equal(about(idToken), []string{"birthdate"}) {
		t.Errorf("the ID token tells %v", about(idToken))
	}
}

func TestABareIDTokenLeavesTheClaimsOfScopesToUserinfo(t *testing.T) {
	w := newWorld(t)
	w.start(1)
	w.addClient("ledger", "web", func(c *storage.Client) { c.Settings.BareIDToken = true })
	_, cookie := w.person("Ann")
	got := w.exchange("ledger", w.code(cookie, "ledger", set("scope", "openid profile email"), set("claims", `{"id_token":{"preferred_username":null}}`)))
	_, idToken := claims(t, got.text("id_token"))
	if idToken["email"] != nil || idToken["name"] != nil || idToken["updated_at"] != nil {
		t.Errorf("the ID token tells %v", idToken)
	}
	if idToken["preferred_username"] != "ann" {
		t.Errorf("what was asked for by name is not there: %v", idToken)
	}
	if told := w.userinfo(got.text("access_token")).body; told["email"] != "Ann@example.com" || told["name"] != "Ann" {
		t.Errorf("userinfo tells %v", told)
	}
}

func TestWhatIsNotKnownIsNotTold(t *testing.T) {
	w := newWorld(t)
	w.start(1)
	w.addClient("shop", "web", nil)
	_, cookie := w.person("Ann")
	told := w.userinfo(w.exchange("shop", w.code(cookie, "shop", set("scope", "openid profile email address phone"))).text("access_token")).body
	if got, want := slices.Sorted(maps.Keys(told)), []string{"email", "email_verified", "name", "preferred_username", "sub", "updated_at"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestDiscoveryNamesEveryClaimOnce(t *testing.T) {
	names := claimsSupported()
	for _, a := range authn.Attributes {
		claim, _, _ := strings.Cut(a.Name, ".")
		if n := len(slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name != claim })); n != 1 {
			t.Errorf("%s is named %d times", claim, n)
		}
	}
}

// OpenID Connect Core §5.3.1, RFC 6750 §2.
func TestUserinfoTakesTheTokenFromTheHeaderOrTheForm(t *testing.T) {
	w := newWorld(t)
	u, cookie := w.person("Ann")
	token := w.tokens(cookie, "web").text("access_token")
	for name, c := range map[string]struct {
		method, body, header string
		status               int
	}{
		"GET":            {"GET", "", "Bearer " + token, 200},
		"POST, header":   {"POST", "", "Bearer " + token, 200},
		"POST, form":     {"POST", "access_token=" + token, "", 200},
		"both":           {"POST", "access_token=" + token, "Bearer " + token, 400},
		"twice":          {"POST", "access_token=" + token + "&access_token=" + token, "", 400},
		"none":           {"GET", "", "", 401},
		"another scheme": {"GET", "", "Basic " + token, 401},
	} {
		r := httptest.NewRequest(c.method, "/oidc/userinfo", strings.NewReader(c.body))
		if c.body != "" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if c.header != "" {
			r.Header.Set("Authorization", c.header)
		}
		got := w.answer(w.do(r))
		if got.status != c.status || c.status == 200 && got.text("sub") != u.ID.String() {
			t.Errorf("%s: got %d %v, want %d", name, got.status, got.body, c.status)
		}
	}
}
