package oidc

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatelatch/storage"
)

// visitor is a browser that keeps cookies and stops at every redirect.
type visitor struct {
	w       *world
	cookies map[string]*http.Cookie
}

func (w *world) visitor(cookies ...*http.Cookie) *visitor {
	v := &visitor{w: w, cookies: map[string]*http.Cookie{}}
	for _, c := range cookies {
		v.cookies[c.Name] = c
	}
	return v
}

func (v *visitor) send(r *http.Request) (status int, to, body string) {
	v.w.t.Helper()
	for _, c := range v.cookies {
		r.AddCookie(c)
	}
	res := v.w.do(r)
	for _, c := range res.Cookies() {
		v.cookies[c.Name] = c
		if c.MaxAge < 0 {
			delete(v.cookies, c.Name)
		}
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		v.w.t.Fatal(err)
	}
	return res.StatusCode, res.Header.Get("Location"), string(b)
}

func (v *visitor) get(path string) (status int, to, body string) {
	v.w.t.Helper()
	return v.send(httptest.NewRequest("GET", path, nil))
}

func (v *visitor) post(path string, form url.Values) (status int, to, body string) {
	v.w.t.Helper()
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.send(r)
}

// asked sends an authorization request and returns the flow of the consent page it leads to.
func (v *visitor) asked(request url.Values) (flow string) {
	v.w.t.Helper()
	status, to, _ := v.get("/oidc/authorize?" + request.Encode())
	flow, ok := strings.CutPrefix(to, "/consent?flow=")
	if status != http.StatusSeeOther || !ok {
		v.w.t.Fatalf("got %d to %q, want the consent page", status, to)
	}
	return flow
}

func (v *visitor) decide(flow, decision string) url.Values {
	v.w.t.Helper()
	status, to, body := v.post("/consent", url.Values{"flow": {flow}, "decision": {decision}})
	u, err := url.Parse(to)
	if status != http.StatusSeeOther || err != nil || !strings.HasPrefix(to, callback) {
		v.w.t.Fatalf("decision %s: got %d to %q %s", decision, status, to, body)
	}
	return u.Query()
}

func thirdParty(c *storage.Client) { c.Settings.ThirdParty = true }
func unchecked(c *storage.Client)  { c.Settings.Origin = "registered" }

func consentWorld(t *testing.T) (*world, *visitor, storage.User) {
	w := newWorld(t)
	w.addClient("other", "web", thirdParty)
	w.addClient("stranger", "web", unchecked)
	u, cookie := w.person("Ann")
	return w, w.visitor(cookie), u
}

func TestAThirdPartyAppGetsNothingBeforeThePersonAllowsIt(t *testing.T) {
	w, ann, _ := consentWorld(t)
	flow := ann.asked(request("other"))
	status, _, body := ann.get("/consent?flow=" + flow)
	for _, want := range []string{"App other", "app.example", "Ann@example.com", `id="consent-allow"`, `id="consent-deny"`, "Keep you signed in", "Until you take it back"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page (%d) does not say %q", status, want)
		}
	}
	got := ann.decide(flow, "allow")
	if got.Get("state") != "s t/ä" || got.Get("iss") == "" {
		t.Fatalf("got %v", got)
	}
	a := w.exchange("other", got.Get("code"))
	if a.status != http.StatusOK || a.text("scope") != "openid profile email offline_access" {
		t.Fatalf("exchange: %d %v", a.status, a.body)
	}
	if _, to, _ := ann.post("/consent", url.Values{"flow": {flow}, "decision": {"deny"}}); !strings.HasPrefix(to, callback+"?code=") {
		t.Errorf("the back button and another answer led to %q: the request is asked anew, and nobody has to answer", to)
	}
}

func TestFirstPartyAppsAreNeverAskedFor(t *testing.T) {
	w, ann, _ := consentWorld(t)
	if got := w.authorize(request("web", set("prompt", "consent")), ann.cookies["__Host-gl_session"]); got.Get("code") == "" {
		t.Fatalf("prompt=consent of an app of our own: %v", got)
	}
}

func TestWhatWasAllowedIsRememberedAndMoreAsksAgain(t *testing.T) {
	w, ann, u := consentWorld(t)
	silent := func(change ...func(url.Values)) bool {
		t.Helper()
		_, to, _ := ann.get("/oidc/authorize?" + request("other", change...).Encode())
		return strings.HasPrefix(to, callback+"?code=")
	}
	ann.decide(ann.asked(request("other", set("scope", "openid email"))), "allow")
	if !silent(set("scope", "openid email")) || !silent(set("scope", "openid")) || !silent(set("scope", "email")) {
		t.Error("asked again for what was allowed")
	}
	flow := ann.asked(request("other", set("scope", "openid email phone")))
	ann.decide(flow, "deny")
	flow = ann.asked(request("other", set("scope", "openid email phone")))
	ann.decide(flow, "allow")
	if !silent(set("scope", "openid email phone")) || !silent(set("scope", "openid email")) {
		t.Error("what was allowed before is forgotten")
	}
	if silent(set("scope", "openid"), set("prompt", "consent")) {
		t.Error("prompt=consent did not ask")
	}
	given, err := w.store.View(t.Context()).Consent(u.ID, "other", w.p.micros())
	if err != nil || !slices.Equal(given.Scopes, []string{"email", "openid", "phone"}) || given.Expires != 0 {
		t.Errorf("kept %+v %v", given, err)
	}
	// Another person and another app are other questions.
	_, ben := w.person("Ben")
	w.visitor(ben).asked(request("other", set("scope", "openid")))
	ann.asked(request("stranger", set("scope", "openid")))
}

func TestPromptNoneIsConsentRequiredAndShowsNoPage(t *testing.T) {
	_, ann, _ := consentWorld(t)
	_, to, _ := ann.get("/oidc/authorize?" + request("other", set("prompt", "none")).Encode())
	if u, _ := url.Parse(to); u.Query().Get("error") != "consent_required" || u.Query().Get("state") != "s t/ä" || !strings.HasPrefix(to, callback) {
		t.Fatalf("went to %q", to)
	}
	ann.decide(ann.asked(request("other")), "allow")
	_, to, _ = ann.get("/oidc/authorize?" + request("other", set("prompt", "none")).Encode())
	if !strings.HasPrefix(to, callback+"?code=") {
		t.Fatalf("after consent prompt=none went to %q", to)
	}
}

func TestDenialIsAccessDeniedAndLeavesNothing(t *testing.T) {
	w, ann, u := consentWorld(t)
	flow := ann.asked(request("other"))
	got := ann.decide(flow, "deny")
	if got.Get("error") != "access_denied" || got.Get("code") != "" || got.Get("state") != "s t/ä" {
		t.Fatalf("got %v", got)
	}
	if _, err := w.store.View(t.Context()).Consent(u.ID, "other", w.p.micros()); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("a denial was kept as a consent: %v", err)
	}
	if _, to, _ := ann.post("/consent", url.Values{"flow": {flow}, "decision": {"allow"}}); !strings.HasPrefix(to, "/consent?flow=") || strings.HasSuffix(to, flow) {
		t.Errorf("an answer to the flow that was denied led to %q, want a new question", to)
	}
	events, err := w.store.View(t.Context()).Events(storage.ID{}, 10)
	if err != nil || len(events) == 0 || events[0].Kind != storage.EventConsentRefused || events[0].ClientID != "other" {
		t.Errorf("events %+v %v", events, err)
	}
}

// The flow's id is in the address bar and no secret: it gives nothing to another browser or another person, and nothing without a session.
func TestAConsentCountsOnlyFromTheBrowserAndThePersonThatWasAsked(t *testing.T) {
	w, ann, _ := consentWorld(t)
	flow := ann.asked(request("other"))
	benUser, benCookie := w.person("Ben")
	ben := w.visitor(benCookie)
	ben.asked(request("other")) // has a browser cookie of his own now
	allow := url.Values{"flow": {flow}, "decision": {"allow"}}
	if status, to, body := ben.get("/consent?flow=" + flow); status != http.StatusBadRequest || to != "" || strings.Contains(body, "App other") {
		t.Errorf("another browser sees the page: %d %q", status, to)
	}
	if status, to, _ := ben.post("/consent", allow); status != http.StatusBadRequest || to != "" {
		t.Errorf("another browser answered: %d %q", status, to)
	}
	// The same browser, in which meanwhile somebody else has signed in.
	mixed := w.visitor(benCookie, ann.cookies["__Host-gl_browser"])
	if status, to, _ := mixed.post("/consent", allow); status != http.StatusSeeOther || !strings.HasPrefix(to, "/sign-in?flow=") {
		t.Errorf("somebody else answered in the person's browser: %d %q", status, to)
	}
	if _, err := w.store.View(t.Context()).Consent(benUser.ID, "other", w.p.micros()); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("a consent of somebody who was not asked: %v", err)
	}
	if status, to, _ := w.visitor(ann.cookies["__Host-gl_browser"]).post("/consent", allow); status != http.StatusSeeOther || !strings.HasPrefix(to, "/sign-in?flow=") {
		t.Errorf("nobody is signed in: %d %q", status, to)
	}
	for name, form := range map[string]url.Values{
		"no decision":    {"flow": {flow}},
		"made up":        {"flow": {flow}, "decision": {"ALLOW"}},
		"twice":          {"flow": {flow}, "decision": {"deny", "allow"}},
		"no flow":        {"decision": {"allow"}},
		"another's flow": {"flow": {storage.NewID().String()}, "decision": {"allow"}},
	} {
		if status, to, _ := ann.post("/consent", form); status != http.StatusBadRequest || to != "" {
			t.Errorf("%s: got %d to %q", name, status, to)
		}
	}
	if status, to, _ := ann.get("/consent?flow=" + flow + "&decision=allow"); status != http.StatusOK || to != "" {
		t.Errorf("a GET decided: %d %q", status, to)
	}
	ann.decide(flow, "allow")
}

func TestWhatIsAllowedIsWhatWasAskedAndNotWhatTheFormSays(t *testing.T) {
	w, ann, u := consentWorld(t)
	flow := ann.asked(request("other", set("scope", "openid")))
	_, to, _ := ann.post("/consent", url.Values{"flow": {flow}, "decision": {"allow"}, "scope": {"openid email offline_access"}, "client_id": {"stranger"}, "redirect_uri": {"https://evil.example/"}})
	got, _ := url.Parse(to)
	a := w.exchange("other", got.Query().Get("code"))
	if a.text("scope") != "openid" || a.text("refresh_token") != "" {
		t.Errorf("got %v", a.body)
	}
	if given, err := w.store.View(t.Context()).Consent(u.ID, "other", w.p.micros()); err != nil || !slices.Equal(given.Scopes, []string{"openid"}) {
		t.Errorf("kept %+v %v", given, err)
	}
}

func TestOfManyAnswersAtOnceOneCounts(t *testing.T) {
	w, ann, _ := consentWorld(t)
	flow := ann.asked(request("other"))
	var (
		wait  sync.WaitGroup
		mu    sync.Mutex
		codes int // also for those who came later: it is allowed by then
	)
	for range 8 {
		wait.Go(func() {
			r := httptest.NewRequest("POST", "/consent", strings.NewReader("decision=allow&flow="+flow))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for _, c := range ann.cookies {
				r.AddCookie(c)
			}
			rec := httptest.NewRecorder()
			w.mux.ServeHTTP(rec, r)
			mu.Lock()
			defer mu.Unlock()
			if strings.Contains(rec.Header().Get("Location"), "code=") {
				codes++
			}
		})
	}
	wait.Wait()
	events, err := w.store.View(t.Context()).Events(storage.ID{}, 100)
	given := slices.DeleteFunc(events, func(e storage.Event) bool { return e.Kind != storage.EventConsentGiven })
	if err != nil || codes != 8 || len(given) != 1 {
		t.Errorf("%d codes and %d answers (%v), want 8 and 1", codes, len(given), err)
	}
}

func TestAnAppThatNobodyHasLookedAtIsWarnedOfAndEndsAfterThirtyDays(t *testing.T) {
	w, ann, _ := consentWorld(t)
	flow := ann.asked(request("stranger"))
	_, _, body := ann.get("/consent?flow=" + flow)
	for _, want := range []string{"The name is not checked.", "app.example", "Allow for 30", `class="btn primary" id="consent-deny"`} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	a := w.exchange("stranger", ann.decide(flow, "allow").Get("code"))
	token := a.text("refresh_token")
	for range 29 { // used every day, it still ends
		w.wait(24 * time.Hour)
		a = w.refresh("stranger", token)
		if token = a.text("refresh_token"); token == "" {
			t.Fatalf("refresh: %v", a.body)
		}
	}
	w.wait(25 * time.Hour)
	w.refresh("stranger", token).want(t, http.StatusBadRequest, "invalid_grant")
	cookie, _ := w.session(mustUser(t, w, "ann@example.com"))
	w.visitor(cookie).asked(request("stranger"))
}

func mustUser(t *testing.T, w *world, address string) storage.User {
	t.Helper()
	u, err := w.store.View(t.Context()).UserByEmail(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestTakingAConsentBackEndsItsTokensAndAsksAgain(t *testing.T) {
	w, ann, u := consentWorld(t)
	a := w.exchange("other", ann.decide(ann.asked(request("other")), "allow").Get("code"))
	_, to, _ := ann.get("/oidc/authorize?" + request("other").Encode())
	pending, _ := url.Parse(to)
	own := w.tokens(ann.cookies["__Host-gl_session"], "web")
	w.write(func(tx storage.Tx) error { return tx.RevokeConsent(u.ID, "other", w.p.micros()) })
	if got := w.userinfo(a.text("access_token")); got.status != http.StatusUnauthorized {
		t.Errorf("the access token lives on: %d", got.status)
	}
	w.refresh("other", a.text("refresh_token")).want(t, http.StatusBadRequest, "invalid_grant")
	w.exchange("other", pending.Query().Get("code")).want(t, http.StatusBadRequest, "invalid_grant")
	if got := w.userinfo(own.text("access_token")); got.status != http.StatusOK {
		t.Errorf("another app's token ended with it: %d", got.status)
	}
	ann.asked(request("other"))
	if err := w.store.Write(context.Background(), func(tx storage.Tx) error { return tx.RevokeConsent(u.ID, "nothing", w.p.micros()) }); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("what was never given: %v", err)
	}
}

func TestNotYouAsksWhoIsThereAndThenThatPerson(t *testing.T) {
	w, ann, _ := consentWorld(t)
	flow := ann.asked(request("other"))
	status, to, _ := ann.post("/consent", url.Values{"flow": {flow}, "decision": {"switch"}})
	next, ok := strings.CutPrefix(to, "/sign-in?flow=")
	if status != http.StatusSeeOther || !ok || next == flow {
		t.Fatalf("got %d to %q", status, to)
	}
	if _, to, _ := ann.get("/oidc/resume?flow=" + next); to != "/sign-in?flow="+next {
		t.Errorf("went on without an answer to %q", to)
	}
	// Ben signs in to that flow in the same browser.
	ben, _ := w.person("Ben")
	cookie, session := w.session(ben)
	id, err := storage.ParseID(next)
	if err != nil {
		t.Fatal(err)
	}
	w.write(func(tx storage.Tx) error { return tx.FinishFlow(id, session.ID, w.p.micros()) })
	ann.cookies[cookie.Name] = cookie
	if _, to, _ := ann.get("/oidc/resume?flow=" + next); to != "/consent?flow="+next {
		t.Fatalf("after Ben's sign-in: %q", to)
	}
	if _, _, body := ann.get("/consent?flow=" + next); !strings.Contains(body, "Ben@example.com") || strings.Contains(body, "Ann@example.com") {
		t.Errorf("the page names %s", body)
	}
	if got := ann.decide(next, "allow"); got.Get("code") == "" {
		t.Errorf("got %v", got)
	}
}

func TestScopesAreShownWithTheValuesTheAppWouldSee(t *testing.T) {
	w, ann, u := consentWorld(t)
	u.Attributes = []byte(`{"birthdate":"1990-02-03","phone_number":"+44 1392 000000","address":{"formatted":"1 High Street\nExeter"}}`)
	w.write(func(tx storage.Tx) error { return tx.UpdateUser(u) })
	flow := ann.asked(request("other", set("scope", "openid profile email phone address")))
	_, _, body := ann.get("/consent?flow=" + flow)
	for _, want := range []string{"Ann · ann · 1990-02-03", "Ann@example.com", "+44 1392 000000", "1 High Street Exeter"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if strings.Contains(body, "Keep you signed in") {
		t.Error("the page shows a scope that was not asked for")
	}
}

func TestADeletedAppTakesItsConsentsAlong(t *testing.T) {
	w, ann, u := consentWorld(t)
	ann.decide(ann.asked(request("other")), "allow")
	w.write(func(tx storage.Tx) error { return tx.DeleteClient("other") })
	w.addClient("other", "web", thirdParty) // the same name, somebody else's
	if _, err := w.store.View(t.Context()).Consent(u.ID, "other", w.p.micros()); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("the old consent counts for the new app: %v", err)
	}
	ann.asked(request("other"))
}
