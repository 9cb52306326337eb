package oidc

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"gatelatch/server/authn"
	"gatelatch/storage"
)

func devices(c *storage.Client) {
	c.Settings.GrantTypes = []string{"authorization_code", "refresh_token", deviceGrantType}
}

func deviceWorld(t *testing.T) (*world, *visitor, storage.User) {
	w := newWorld(t)
	w.addClient("tv", "native", devices)
	w.addClient("cast", "web", devices)
	w.addClient("theirs", "native", func(c *storage.Client) { devices(c); unchecked(c) })
	u, cookie := w.person("Ann")
	return w, w.visitor(cookie), u
}

// asks lets a device of a public client ask to be connected.
func (w *world) asks(client string, change ...func(url.Values)) (deviceCode, userCode string) {
	w.t.Helper()
	form := url.Values{"client_id": {client}, "scope": {"openid profile offline_access"}}
	for _, c := range change {
		c(form)
	}
	a := w.post("/oidc/device_authorization", "", form)
	if a.status != http.StatusOK {
		w.t.Fatalf("device authorization: %d %v", a.status, a.body)
	}
	return a.text("device_code"), a.text("user_code")
}

func (w *world) polls(client, code string) answer {
	w.t.Helper()
	return w.post("/oidc/token", "", url.Values{"grant_type": {deviceGrantType}, "device_code": {code}, "client_id": {client}})
}

// opens types a code and returns the flow of the page that asks for confirmation.
func (v *visitor) opens(code string) string {
	v.w.t.Helper()
	status, to, _ := v.post("/device", url.Values{"user_code": {code}})
	flow, ok := strings.CutPrefix(to, "/device/confirm?flow=")
	if status != http.StatusSeeOther || !ok {
		v.w.t.Fatalf("code %s: got %d to %q", code, status, to)
	}
	return flow
}

func (v *visitor) confirms(flow, decision string) (status int, to string) {
	v.w.t.Helper()
	status, to, _ = v.post("/device/confirm", url.Values{"flow": {flow}, "decision": {decision}})
	return status, to
}

func TestADeviceGetsTokensOnceItsPersonHasConfirmed(t *testing.T) {
	w, ann, u := deviceWorld(t)
	a := w.post("/oidc/device_authorization", "", url.Values{"client_id": {"tv"}, "scope": {"openid profile offline_access made-up"}})
	if !regexp.MustCompile(`^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$`).MatchString(a.text("user_code")) || a.body["expires_in"] != 600.0 || a.body["interval"] != 5.0 ||
		a.text("verification_uri") != "https://id.example/device" || a.text("verification_uri_complete") != "https://id.example/device?user_code="+a.text("user_code") || a.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("got %v %v", a.body, a.header)
	}
	code := a.text("device_code")
	w.polls("tv", code).want(t, http.StatusBadRequest, "authorization_pending")
	if _, _, body := ann.get("/device?user_code=" + strings.ToLower(a.text("user_code"))); !strings.Contains(body, `value="`+a.text("user_code")+`"`) {
		t.Error("the code of the address is not filled in")
	}
	flow := ann.opens(" " + strings.ToLower(strings.ReplaceAll(a.text("user_code"), "-", " ")) + ".")
	_, _, body := ann.get("/device/confirm?flow=" + flow)
	for _, want := range []string{"App tv", a.text("user_code"), "Ann@example.com", "Somebody sent you this code"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	w.wait(6 * time.Second)
	w.polls("tv", code).want(t, http.StatusBadRequest, "authorization_pending")
	if status, to := ann.confirms(flow, "allow"); status != http.StatusSeeOther || to != "/device/done?connected=1" {
		t.Fatalf("confirmed: %d %q", status, to)
	}
	if _, _, body := ann.get("/device/done?connected=1"); !strings.Contains(body, "Connected") {
		t.Error("the last page does not say so")
	}
	got := w.polls("tv", code)
	if got.status != http.StatusOK || got.text("scope") != "openid profile offline_access" {
		t.Fatalf("got %d %v", got.status, got.body)
	}
	if _, payload := claims(t, got.text("id_token")); payload["sub"] != u.ID.String() || payload["aud"] != "tv" || payload["name"] != "Ann" || payload["at_hash"] == nil {
		t.Errorf("the ID token says %v", payload)
	}
	if got := w.userinfo(got.text("access_token")); got.status != http.StatusOK {
		t.Errorf("userinfo: %d", got.status)
	}
	again := w.post("/oidc/token", "", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got.text("refresh_token")}, "client_id": {"tv"}})
	if again.status != http.StatusOK {
		t.Errorf("refresh: %d %v", again.status, again.body)
	}
	w.polls("tv", code).want(t, http.StatusBadRequest, "invalid_grant")
	if got := w.userinfo(again.text("access_token")); got.status != http.StatusOK {
		t.Errorf("asking again with a used code ended the grant: %d", got.status)
	}
}

// golang.org/x/oauth2 sends the secret to the token endpoint alone.
func TestAConfidentialClientMayLeaveItsSecretForTheTokenEndpointWhereItMustCome(t *testing.T) {
	w, ann, _ := deviceWorld(t)
	code, user := w.asks("cast")
	ann.confirms(ann.opens(user), "allow")
	w.polls("cast", code).want(t, http.StatusUnauthorized, "invalid_client")
	form := url.Values{"grant_type": {deviceGrantType}, "device_code": {code}, "client_id": {"cast"}, "client_secret": {testSecret}}
	if a := w.post("/oidc/token", "", form); a.status != http.StatusOK {
		t.Errorf("got %d %v", a.status, a.body)
	}
	if a := w.post("/oidc/device_authorization", "cast", url.Values{}); a.status != http.StatusOK {
		t.Errorf("with its secret: %d %v", a.status, a.body)
	}
	w.post("/oidc/device_authorization", "", url.Values{"client_id": {"cast"}, "client_secret": {"wrong"}}).want(t, http.StatusUnauthorized, "invalid_client")
	w.post("/oidc/device_authorization", "", url.Values{"client_id": {"nobody"}}).want(t, http.StatusUnauthorized, "invalid_client")
	w.post("/oidc/device_authorization", "", url.Values{}).want(t, http.StatusUnauthorized, "invalid_client")
	w.post("/oidc/device_authorization", "", url.Values{"client_id": {"web"}}).want(t, http.StatusBadRequest, "unauthorized_client")
	w.post("/oidc/device_authorization", "", url.Values{"client_id": {"tv", "tv"}}).want(t, http.StatusBadRequest, "invalid_request")
}

// CVE-2026-45337: a device code belongs to the client it was given to and, from the confirmation on, to that person.
func TestADeviceCodeBelongsToItsClientAndToThePersonWhoConfirmed(t *testing.T) {
	w, ann, u := deviceWorld(t)
	code, user := w.asks("tv")
	w.polls("theirs", code).want(t, http.StatusBadRequest, "invalid_grant")
	flow := ann.opens(user)
	_, benCookie := w.person("Ben")
	ben := w.visitor(benCookie)
	bens := ben.opens(user)
	ann.confirms(flow, "allow")
	if status, _ := ben.confirms(bens, "allow"); status != http.StatusGone {
		t.Errorf("a second person decided: %d", status)
	}
	if status, _ := ben.confirms(bens, "deny"); status == http.StatusSeeOther {
		t.Errorf("a second person denied what was allowed: %d", status)
	}
	w.polls("theirs", code).want(t, http.StatusBadRequest, "invalid_grant")
	a := w.polls("tv", code)
	if _, payload := claims(t, a.text("id_token")); payload["sub"] != u.ID.String() {
		t.Errorf("tokens of %v, want Ann's", payload["sub"])
	}
}

func TestNobodyConfirmsForAnotherBrowserOrPersonOrWithoutSigningIn(t *testing.T) {
	w, ann, _ := deviceWorld(t)
	code, user := w.asks("tv")
	flow := ann.opens(user)
	_, benCookie := w.person("Ben")
	if status, to := w.visitor(benCookie).confirms(flow, "allow"); status != http.StatusBadRequest || to != "" {
		t.Errorf("another browser: %d %q", status, to)
	}
	mixed := w.visitor(benCookie, ann.cookies["__Host-gl_browser"])
	if status, to := mixed.confirms(flow, "allow"); status != http.StatusSeeOther || to != "/sign-in?flow="+flow {
		t.Errorf("another person in the same browser: %d %q", status, to)
	}
	stranger := w.visitor()
	_, to, _ := stranger.post("/device", url.Values{"user_code": {user}})
	strangers, ok := strings.CutPrefix(to, "/sign-in?flow=")
	if !ok {
		t.Fatalf("somebody who is not signed in is sent to %q", to)
	}
	if status, to := stranger.confirms(strangers, "allow"); status != http.StatusSeeOther || to != "/sign-in?flow="+strangers {
		t.Errorf("without signing in: %d %q", status, to)
	}
	for name, form := range map[string]url.Values{"no decision": {"flow": {flow}}, "made up": {"flow": {flow}, "decision": {"yes"}}, "twice": {"flow": {flow}, "decision": {"deny", "allow"}},
		"no flow": {"decision": {"allow"}}} {
		if status, to, _ := ann.post("/device/confirm", form); status != http.StatusBadRequest || to != "" {
			t.Errorf("%s: %d %q", name, status, to)
		}
	}
	if status, _, _ := ann.get("/device/confirm?flow=" + flow + "&decision=allow"); status != http.StatusOK {
		t.Errorf("a GET: %d", status)
	}
	// A flow of an authorization request is no flow of a device, and the other way round.
	w.addClient("other", "web", thirdParty)
	other := ann.asked(request("other"))
	if status, _ := ann.confirms(other, "allow"); status != http.StatusBadRequest {
		t.Errorf("the flow of another request: %d", status)
	}
	if status, to, _ := ann.get("/oidc/resume?flow=" + flow); status != http.StatusBadRequest {
		t.Errorf("a device's flow at the authorization endpoint: %d %q", status, to)
	}
	w.polls("tv", code).want(t, http.StatusBadRequest, "authorization_pending")
}

func TestADeviceLearnsOfDenialAndOfTheEnd(t *testing.T) {
	w, ann, _ := deviceWorld(t)
	code, user := w.asks("tv")
	if _, to := ann.confirms(ann.opens(user), "deny"); to != "/device/done?connected=0" {
		t.Errorf("denied: %q", to)
	}
	w.polls("tv", code).want(t, http.StatusBadRequest, "access_denied")
	code, user = w.asks("tv")
	late, _ := w.asks("tv")
	flow := ann.opens(user)
	w.wait(10*time.Minute + time.Second)
	w.polls("tv", late).want(t, http.StatusBadRequest, "expired_token")
	if status, _ := ann.confirms(flow, "allow"); status != http.StatusGone {
		t.Errorf("confirmed a code that is over: %d", status)
	}
	w.polls("tv", code).want(t, http.StatusBadRequest, "expired_token")
	w.polls("tv", "gl_dc_made-up").want(t, http.StatusBadRequest, "invalid_grant")
	w.polls("tv", "").want(t, http.StatusBadRequest, "invalid_request")
}

func TestADeviceThatAsksTooOftenMustAskLess(t *testing.T) {
	w, _, _ := deviceWorld(t)
	code, _ := w.asks("tv")
	for i, step := range []struct {
		wait time.Duration
		want string
	}{{0, "authorization_pending"}, {time.Second, "slow_down"}, {6 * time.Second, "slow_down"}, {10 * time.Second, "slow_down"}, {21 * time.Second, "authorization_pending"}} {
		w.wait(step.wait)
		if got := w.polls("tv", code); got.text("error") != step.want {
			t.Errorf("question %d: got %v, want %s", i, got.body, step.want)
		}
	}
}

func TestOfManyQuestionsAtOnceOneGetsTheTokens(t *testing.T) {
	w, ann, _ := deviceWorld(t)
	code, user := w.asks("tv")
	ann.confirms(ann.opens(user), "allow")
	var (
		wait sync.WaitGroup
		mu   sync.Mutex
		won  []answer
	)
	for range 12 {
		wait.Go(func() {
			form := url.Values{"grant_type": {deviceGrantType}, "device_code": {code}, "client_id": {"tv"}}
			r := httptest.NewRequest("POST", "/oidc/token", strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			rec := httptest.NewRecorder()
			w.mux.ServeHTTP(rec, r)
			a := w.answer(rec.Result())
			mu.Lock()
			defer mu.Unlock()
			if a.status == http.StatusOK {
				won = append(won, a)
			} else if a.text("error") != "invalid_grant" {
				t.Errorf("a loser got %d %v", a.status, a.body)
			}
		})
	}
	if wait.Wait(); len(won) != 1 {
		t.Fatalf("%d got tokens, want 1", len(won))
	}
	if got := w.userinfo(won[0].text("access_token")); got.status != http.StatusOK {
		t.Errorf("the winner's token is dead: %d", got.status)
	}
}

func TestUserCodesCannotBeGuessed(t *testing.T) {
	w, ann, _ := deviceWorld(t)
	_, user := w.asks("tv")
	wrong := func(i int) int {
		status, _, body := ann.post("/device", url.Values{"user_code": {fmt.Sprintf("BBBB-BB%c%c", userLetters[i/20], userLetters[i%20])}})
		if status == http.StatusUnprocessableEntity && !strings.Contains(body, `aria-invalid="true"`) {
			t.Error("a wrong code is not marked")
		}
		return status
	}
	for i := range 20 {
		if got := wrong(i); got != http.StatusUnprocessableEntity {
			t.Fatalf("guess %d: got %d", i, got)
		}
	}
	if got := wrong(20); got != http.StatusTooManyRequests {
		t.Errorf("guess 21: got %d, want 429", got)
	}
	if status, to, _ := ann.post("/device", url.Values{"user_code": {user}}); status != http.StatusTooManyRequests || to != "" {
		t.Errorf("the right code counts while guessing is stopped: %d %q", status, to)
	}
	w.wait(time.Hour)
	_, user = w.asks("tv")
	for range 30 { // right ones cost nothing
		_, user = w.asks("tv")
		ann.opens(user)
	}
	for _, odd := range []string{"", "BBBB", "BBBB-BBBBB", "AEIO-UAEI", "1234-5678", strings.Repeat("B", 9000), "бббб-бббб", "BBBB-BBB\x7f"} {
		if status, _, _ := ann.post("/device", url.Values{"user_code": {odd}}); status != http.StatusUnprocessableEntity {
			t.Errorf("%.20q: got %d", odd, status)
		}
	}
}

func TestANetworkGetsOnlySoManyDeviceCodes(t *testing.T) {
	w, _, _ := deviceWorld(t)
	for range 60 {
		w.asks("tv")
	}
	a := w.post("/oidc/device_authorization", "", url.Values{"client_id": {"tv"}})
	if a.want(t, http.StatusTooManyRequests, "slow_down"); a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestADeviceOfAnAppThatNobodyHasLookedAtNeedsAndGivesConsent(t *testing.T) {
	w, ann, u := deviceWorld(t)
	code, user := w.asks("theirs")
	flow := ann.opens(user)
	_, _, body := ann.get("/device/confirm?flow=" + flow)
	for _, want := range []string{"The name of the app is not checked.", "See your name and profile", "Allow for 30", `class="btn primary" id="consent-deny"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	ann.confirms(flow, "allow")
	if given, err := w.store.View(t.Context()).Consent(u.ID, "theirs", w.p.micros()); err != nil || len(given.Scopes) != 3 || given.Expires == 0 {
		t.Errorf("kept %+v %v", given, err)
	}
	w.write(func(tx storage.Tx) error { return tx.RevokeConsent(u.ID, "theirs", w.p.micros()) })
	w.polls("theirs", code).want(t, http.StatusBadRequest, "access_denied")
}

func TestADeviceOfSomebodyWhoIsDisabledMeanwhileGetsNothing(t *testing.T) {
	w, ann, u := deviceWorld(t)
	code, user := w.asks("tv")
	ann.confirms(ann.opens(user), "allow")
	u.Status = "disabled"
	w.write(func(tx storage.Tx) error { return tx.UpdateUser(u) })
	w.polls("tv", code).want(t, http.StatusBadRequest, "access_denied")
}

func TestAnExpiredDeviceCodeIsSweptAway(t *testing.T) {
	w, _, _ := deviceWorld(t)
	_, user := w.asks("tv")
	if _, err := w.store.View(t.Context()).DeviceByUserCode(w.p.userDigest(user)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.Sweep(t.Context(), w.p.micros()+(11*time.Minute).Microseconds()); err != nil {
		t.Fatal(err)
	}
	_, err := w.store.View(t.Context()).DeviceByUserCode(w.p.userDigest(user))
	if !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestADeviceAsksForAnAPIAndGetsATokenForItAlone(t *testing.T) {
	w := newAPIs(t)
	_, cookie := w.person("Ann")
	ann := w.visitor(cookie)
	w.addClient("tv", "native", func(c *storage.Client) {
		devices(c)
		c.Settings.Resources, c.Settings.ThirdParty = []string{orders, files}, true
	})
	for name, named := range map[string][]string{"one that is not in its list": {secretAPI}, "one that is not there": {"https://nowhere.example"}, "no address": {"orders"}, "a fragment": {orders + "#x"}, "one of two": {orders, secretAPI}} {
		a := w.post("/oidc/device_authorization", "", url.Values{"client_id": {"tv"}, "resource": named})
		if a.want(t, http.StatusBadRequest, "invalid_target"); t.Failed() {
			t.Fatalf("%s: got %v", name, a.body)
		}
	}
	code, user := w.asks("tv", set("scope", "offline_access orders:read secret:read"), add("resource", orders))
	flow := ann.opens(user)
	if _, _, body := ann.get("/device/confirm?flow=" + flow); !strings.Contains(body, "orders:read") || strings.Contains(body, "secret:read") {
		t.Errorf("the page does not say what would be allowed:\n%s", body)
	}
	ann.confirms(flow, "allow")
	got := w.polls("tv", code)
	_, payload := claims(t, got.text("access_token"))
	if payload["aud"] != orders || payload["scope"] != "orders:read" {
		t.Errorf("the token says %v", payload)
	}
	other := w.post("/oidc/token", "", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got.text("refresh_token")}, "client_id": {"tv"}, "resource": {files}})
	other.want(t, http.StatusBadRequest, "invalid_target")
	again := w.post("/oidc/token", "", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got.text("refresh_token")}, "client_id": {"tv"}, "resource": {orders}})
	if _, payload := claims(t, again.text("access_token")); payload["aud"] != orders {
		t.Errorf("after a refresh: %v %v", again.body, payload)
	}
	// An API that is taken away while the person looks at the page is not allowed by a press.
	_, user = w.asks("tv", add("resource", files))
	flow = ann.opens(user)
	w.changeClient("tv", func(c *storage.Client) { c.Settings.Resources = []string{orders} })
	if status, to := ann.confirms(flow, "allow"); status != http.StatusGone {
		t.Errorf("an API that is gone: got %d to %q", status, to)
	}
}

func TestADeviceAsksForAStrengthAndIsToldTheOneItAskedFor(t *testing.T) {
	w, ann, _ := deviceWorld(t)
	code, user := w.asks("tv", set("acr_values", "urn:made:up "+authn.ACR))
	ann.confirms(ann.opens(user), "allow")
	got := w.polls("tv", code)
	if _, payload := claims(t, got.text("id_token")); payload["acr"] != authn.ACR {
		t.Errorf("the ID token says %v", payload)
	}
	// A sign-in that is weaker than can be had here has to be made anew.
	u, _ := w.person("Ben")
	weak := w.visitor(w.strongSession(u, "none"))
	_, user = w.asks("tv", set("acr_values", authn.ACR))
	if status, to, _ := weak.post("/device", url.Values{"user_code": {user}}); status != http.StatusSeeOther || !strings.HasPrefix(to, "/sign-in?flow=") {
		t.Errorf("a weaker session: got %d to %q", status, to)
	}
	_, user = w.asks("tv")
	weak.opens(user)
	if a := w.post("/oidc/device_authorization", "", url.Values{"client_id": {"tv"}, "acr_values": {strings.Repeat("x ", 600)}}); a.status != http.StatusBadRequest {
		t.Errorf("endless acr_values: got %d", a.status)
	}
}
