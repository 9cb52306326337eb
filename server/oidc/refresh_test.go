package oidc

import (
	"context"
	"database/sql"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

func (w *world) grantOf(token string) storage.Grant {
	w.t.Helper()
	t, ok := parse(kindRefresh, token)
	if !ok {
		w.t.Fatalf("not a refresh token: %q", token)
	}
	g, err := w.store.View(context.Background()).Grant(t.grant)
	if err != nil {
		w.t.Fatal(err)
	}
	return g
}

func (w *world) mustRefresh(token string) answer {
	w.t.Helper()
	a := w.refresh("web", token)
	if a.status != http.StatusOK {
		w.t.Fatalf("refresh: got %d %v", a.status, a.body)
	}
	return a
}

func TestEveryRefreshRotates(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	first := w.tokens(cookie, "web")
	second := w.mustRefresh(first.text("refresh_token"))
	if second.text("refresh_token") == first.text("refresh_token") || second.text("access_token") == first.text("access_token") {
		t.Fatal("a refresh returned an old token")
	}
	if got := w.userinfo(second.text("access_token")); got.status != http.StatusOK {
		t.Fatalf("userinfo with the new access token: got %d", got.status)
	}
	if _, payload := claims(t, second.text("id_token")); payload["nonce"] != nil || payload["sub"] == "" {
		t.Fatalf("ID token at refresh: %v", payload)
	}
}

func TestHundredParallelRefreshesMakeOneSuccessorAndOneWrite(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	token := w.tokens(cookie, "web").text("refresh_token")
	answers := make([]answer, 100)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			answers[i] = w.refresh("web", token)
		}()
	}
	wg.Wait()
	successors := map[string]bool{}
	for _, a := range answers {
		if a.status != http.StatusOK {
			t.Fatalf("got %d %v", a.status, a.body)
		}
		successors[a.text("refresh_token")] = true
	}
	if len(successors) != 1 {
		t.Fatalf("got %d successors, want 1", len(successors))
	}
	for s := range successors {
		if g := w.grantOf(s); g.Generation != 2 {
			t.Fatalf("generation %d after one rotation, want 2", g.Generation)
		}
		w.mustRefresh(s)
	}
}

// An SDK that asks for several resources refreshes three times at once; a second tab does the same from the same token.
func TestTwoTabsThatEachRefreshThreeTimesInARow(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	start := w.tokens(cookie, "web").text("refresh_token")
	last := make([]string, 2)
	var wg sync.WaitGroup
	for tab := range last {
		wg.Add(1)
		go func() {
			defer wg.Done()
			token := start
			for range 3 {
				a := w.refresh("web", token)
				if a.status != http.StatusOK {
					t.Errorf("tab %d: got %d %v", tab, a.status, a.body)
					return
				}
				token = a.text("refresh_token")
			}
			last[tab] = token
		}()
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	w.wait(29 * time.Second)
	for tab, token := range last {
		if a := w.refresh("web", token); a.status != http.StatusOK {
			t.Fatalf("tab %d is signed out: %v", tab, a.body)
		}
	}
}

func TestLostAnswerIsGivenAgain(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	first := w.tokens(cookie, "web").text("refresh_token")
	lost := w.mustRefresh(first)
	w.wait(20 * time.Second)
	again := w.mustRefresh(first)
	if again.text("refresh_token") != lost.text("refresh_token") {
		t.Fatal("the same token within the grace gave two successors: the family has forked")
	}
	if again.text("access_token") == lost.text("access_token") {
		t.Fatal("the access token is not a new one")
	}
}

func TestOldTokenAfterTheGraceRevokesEverything(t *testing.T) {
	w := newWorld(t)
	u, cookie := w.person("Ann")
	stolen := w.tokens(cookie, "web").text("refresh_token")
	owner := w.mustRefresh(stolen)
	w.wait(31 * time.Second)
	w.refresh("web", stolen).want(t, 400, "invalid_grant")
	w.refresh("web", owner.text("refresh_token")).want(t, 400, "invalid_grant")
	w.userinfo(owner.text("access_token")).want(t, 401, "invalid_token")
	events, err := w.store.View(context.Background()).Events(storage.ID{}, 10)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, e := range events {
		if e.Kind == storage.EventRefreshReused && e.UserID == u.ID && e.ClientID == "web" {
			found++
		}
	}
	if found != 1 {
		t.Fatalf("got %d events of the reuse, want 1: %v", found, events)
	}
	w.start(1)
	w.refresh("web", owner.text("refresh_token")).want(t, 400, "invalid_grant") // SECURITY: revoked tokens stay so after a restart
}

func TestOldTokenOfAnotherClientRevokesNothing(t *testing.T) {
	w := newWorld(t)
	w.addClient("other", "web", nil)
	_, cookie := w.person("Ann")
	old := w.tokens(cookie, "web").text("refresh_token")
	current := w.mustRefresh(old).text("refresh_token")
	w.wait(time.Minute)
	w.refresh("other", old).want(t, 400, "invalid_grant")
	w.mustRefresh(current)
}

func TestRestartInBetweenChangesNothing(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	first := w.tokens(cookie, "web")
	w.start(1)
	if got := w.userinfo(first.text("access_token")); got.status != http.StatusOK {
		t.Fatalf("access token after a restart: got %d", got.status)
	}
	second := w.mustRefresh(first.text("refresh_token"))
	w.start(1)
	if again := w.mustRefresh(first.text("refresh_token")); again.text("refresh_token") != second.text("refresh_token") {
		t.Fatal("the grace did not survive a restart")
	}
}

// A backup from before some refreshes is restored: the clients hold generations the row has never heard of.
func TestRestoredBackupSignsNobodyOut(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	first := w.tokens(cookie, "web").text("refresh_token")
	before := w.grantOf(first)
	token := first
	for range 5 {
		token = w.mustRefresh(token).text("refresh_token")
	}
	w.write(func(tx storage.Tx) error {
		g, err := tx.Grant(before.ID)
		if err != nil {
			return err
		}
		return tx.RotateGrant(g.ID, g.Generation, before.Generation, before.Rotated, w.now().UnixMicro(), before.Expires)
	})
	next := w.mustRefresh(token).text("refresh_token")
	if g := w.grantOf(next); g.Generation != 7 {
		t.Fatalf("generation %d, want 7", g.Generation)
	}
	w.mustRefresh(token) // its answer may have been lost
	w.wait(time.Minute)
	w.mustRefresh(next)
}

// Who can write to the database but has no key puts another person, or another client, into his own row.
func TestMovedRowIsWorthless(t *testing.T) {
	w := newWorld(t)
	w.addClient("other", "web", nil)
	_, cookie := w.person("Mallory")
	victim, _ := w.person("Ann")
	file, err := sql.Open("sqlite", filepath.Join(w.dir, "gatelatch.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, test := range []struct {
		column string
		value  any
		client string
	}{
		{"user_id", victim.ID[:], "web"},
		{"client_id", "other", "other"},
		{"secret", secret.Random(16), "web"},
	} {
		t.Run(test.column, func(t *testing.T) {
			mine := w.tokens(cookie, "web")
			g := w.grantOf(mine.text("refresh_token"))
			if _, err := file.Exec("UPDATE grants SET "+test.column+" = $1 WHERE id = $2", test.value, g.ID[:]); err != nil {
				t.Fatal(err)
			}
			w.refresh(test.client, mine.text("refresh_token")).want(t, 400, "invalid_grant")
			w.userinfo(mine.text("access_token")).want(t, 401, "invalid_token")
		})
	}
}

func TestKeyRotationKeepsEverybodySignedIn(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	old := w.tokens(cookie, "web")
	w.masters[2] = [secret.Size]byte(secret.Random(secret.Size))
	w.start(2)
	if got := w.userinfo(old.text("access_token")); got.status != http.StatusOK {
		t.Fatalf("access token under the old key: got %d", got.status)
	}
	one, two := w.mustRefresh(old.text("refresh_token")), w.mustRefresh(old.text("refresh_token"))
	if one.text("refresh_token") != two.text("refresh_token") {
		t.Fatal("two successors")
	}
	delete(w.masters, 1)
	// Without the old key the signing keys sealed under it cannot be opened either; here only the tokens matter.
	n := names{mustKeys(t, 2, w.masters)}
	if parsed, ok := parse(kindRefresh, old.text("refresh_token")); !ok || n.known(parsed) {
		t.Fatal("a token of a dropped key is still known")
	}
	if parsed, ok := parse(kindRefresh, one.text("refresh_token")); !ok || !n.known(parsed) {
		t.Fatal("a token of the new key is not known")
	}
}

func mustKeys(t *testing.T, active byte, masters map[byte][secret.Size]byte) *secret.Keys {
	t.Helper()
	k, err := secret.NewKeys(active, masters)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestRefreshBoundToItsClientAndItsAuthentication(t *testing.T) {
	w := newWorld(t)
	w.addClient("other", "web", nil)
	_, cookie := w.person("Ann")
	token := w.tokens(cookie, "web").text("refresh_token")
	w.refresh("other", token).want(t, 400, "invalid_grant")
	w.refresh("", token, set("client_id", "web")).want(t, 401, "invalid_client")
	w.refresh("", token, set("client_id", "web"), set("client_secret", "wrong")).want(t, 401, "invalid_client")
	w.mustRefresh(token)
}

// RFC 6749 §6: the access token is narrowed, the grant is not.
func TestScopeIsNarrowedForOneAccessTokenOnly(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	first := w.tokens(cookie, "web")
	narrow := w.refresh("web", first.text("refresh_token"), set("scope", "openid"))
	if narrow.text("scope") != "openid" {
		t.Fatalf("scope %q, want openid", narrow.text("scope"))
	}
	if got := w.userinfo(narrow.text("access_token")); got.body["email"] != nil {
		t.Fatalf("the narrowed token tells %v", got.body)
	}
	full := w.mustRefresh(narrow.text("refresh_token"))
	if full.text("scope") != "openid profile email offline_access" {
		t.Fatalf("the grant was narrowed too: %q", full.text("scope"))
	}
	w.refresh("web", full.text("refresh_token"), set("scope", "openid phone")).want(t, 400, "invalid_scope")
}

func TestNoOfflineAccessNoRefreshToken(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	a := w.exchange("web", w.code(cookie, "web", set("scope", "openid email")))
	if a.status != http.StatusOK || a.body["refresh_token"] != nil {
		t.Fatalf("got %d %v", a.status, a.body)
	}
}

func TestDisabledPersonsTokensAreDead(t *testing.T) {
	w := newWorld(t)
	u, cookie := w.person("Ann")
	a := w.tokens(cookie, "web")
	code := w.code(cookie, "web")
	u.Status = "disabled"
	w.write(func(tx storage.Tx) error { return tx.UpdateUser(u) })
	w.refresh("web", a.text("refresh_token")).want(t, 400, "invalid_grant")
	w.userinfo(a.text("access_token")).want(t, 401, "invalid_token")
	w.exchange("web", code).want(t, 400, "invalid_grant")
}

func TestDeletedAndRemadeClientHonoursNoOldToken(t *testing.T) {
	w := newWorld(t)
	_, cookie := w.person("Ann")
	a := w.tokens(cookie, "web")
	w.write(func(tx storage.Tx) error { return tx.DeleteClient("web") })
	w.userinfo(a.text("access_token")).want(t, 401, "invalid_token")
	w.addClient("web", "web", nil)
	w.refresh("web", a.text("refresh_token")).want(t, 400, "invalid_grant")
	w.userinfo(a.text("access_token")).want(t, 401, "invalid_token")
}

func TestClientThatNeverRotatesKeepsItsToken(t *testing.T) {
	w := newWorld(t)
	w.addClient("never", "web", func(c *storage.Client) { c.Settings.NeverRotate = true })
	_, cookie := w.person("Ann")
	token := w.tokens(cookie, "never").text("refresh_token")
	for range 3 {
		a := w.refresh("never", token)
		if a.status != http.StatusOK || a.text("refresh_token") != token {
			t.Fatalf("got %d %v", a.status, a.body)
		}
		w.wait(25 * 24 * time.Hour) // beyond the idle end, were it not moved
	}
}

func TestIdleAndAbsoluteEndOfARefreshToken(t *testing.T) {
	w := newWorld(t)
	w.addClient("short", "web", func(c *storage.Client) { c.Settings.RefreshIdle, c.Settings.RefreshAbsolute = 3600, 5400 })
	_, cookie := w.person("Ann")
	idle := w.tokens(cookie, "short").text("refresh_token")
	token := w.tokens(cookie, "short").text("refresh_token")
	w.wait(50 * time.Minute)
	token = w.refresh("short", token).text("refresh_token")
	w.wait(20 * time.Minute)
	w.refresh("short", idle).want(t, 400, "invalid_grant")
	if a := w.refresh("short", token); a.status != http.StatusOK || a.body["expires_in"].(float64) > 20*60 {
		t.Fatalf("70 minutes in: got %d %v; no token may outlive the 90 minutes", a.status, a.body)
	}
	w.wait(21 * time.Minute)
	w.refresh("short", token).want(t, 400, "invalid_grant")
}

// The clock steps back an hour: nobody is signed out, and nothing lives longer than an hour too long.
func TestClockThatStepsBack(t *testing.T) {
	w := newWorld(t)
	w.wait(time.Hour)
	_, cookie := w.person("Ann")
	first := w.tokens(cookie, "web")
	w.wait(-time.Hour)
	second := w.mustRefresh(first.text("refresh_token"))
	third := w.mustRefresh(second.text("refresh_token"))
	if third.text("refresh_token") == second.text("refresh_token") {
		t.Fatal("no rotation after the step")
	}
	w.wait(2*time.Hour + time.Minute)
	w.userinfo(first.text("access_token")).want(t, 401, "invalid_token")
}
