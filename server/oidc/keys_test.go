package oidc

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"gatelatch/storage"
)

const day = 24 * time.Hour

// relyingParty verifies ID tokens as a client does that caches the JWKS for as long as it may, and never asks before.
type relyingParty struct {
	w       *world
	mu      sync.Mutex
	keys    jose.JSONWebKeySet
	fetched time.Time
}

func (w *world) jwks() (jose.JSONWebKeySet, http.Header) {
	w.t.Helper()
	res := w.do(httptest.NewRequest("GET", "/oidc/jwks", nil))
	var set jose.JSONWebKeySet
	if err := json.NewDecoder(res.Body).Decode(&set); err != nil {
		w.t.Fatal(err)
	}
	return set, res.Header
}

func (rp *relyingParty) verify(token string) bool {
	rp.mu.Lock()
	defer rp.mu.Unlock()
	if rp.w.now().Sub(rp.fetched) >= jwksLife {
		rp.keys, _ = rp.w.jwks()
		rp.fetched = rp.w.now()
	}
	parsed, err := jose.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA})
	if err != nil {
		return false
	}
	header := parsed.Signatures[0].Header
	for _, k := range rp.keys.Key(header.KeyID) {
		if _, err := parsed.Verify(k); err == nil && k.Algorithm == header.Algorithm {
			return true
		}
	}
	return false
}

func (w *world) tend() {
	w.t.Helper()
	if err := w.p.TendKeys(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

// states counts the keys of an algorithm by state.
func (w *world) states(alg string) map[KeyState]int {
	w.t.Helper()
	keys, err := w.p.Keys(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	count := map[KeyState]int{}
	for _, k := range keys {
		if k.Alg == alg {
			count[k.State]++
		}
	}
	return count
}

func TestEveryAlgorithmSignsIDTokensThatAStrangersLibraryVerifies(t *testing.T) {
	w := newWorld(t)
	w.tend()
	_, cookie := w.person("Ann")
	for _, alg := range signingAlgs {
		t.Run(alg, func(t *testing.T) {
			w.addClient(alg, "web", func(c *storage.Client) { c.Settings.IDTokenAlg = alg })
			a := w.tokens(cookie, alg)
			header, payload := claims(t, a.text("id_token"))
			if header["alg"] != alg || !(&relyingParty{w: w}).verify(a.text("id_token")) {
				t.Fatalf("header %v does not verify", header)
			}
			// OpenID Connect Core §3.1.3.6; Ed25519 hashes with SHA-512.
			sum := sha256.Sum256([]byte(a.text("access_token")))
			half := sum[:16]
			if alg == EdDSA {
				long := sha512.Sum512([]byte(a.text("access_token")))
				half = long[:32]
			}
			if want := base64.RawURLEncoding.EncodeToString(half); payload["at_hash"] != want {
				t.Fatalf("at_hash: got %v, want %s", payload["at_hash"], want)
			}
			if got := w.authorize(request(alg, set("prompt", "none"), set("id_token_hint", a.text("id_token"))), cookie); got.Get("code") == "" {
				t.Fatalf("our own ID token is no hint: %v", got)
			}
		})
	}
}

func TestKeysAreNextThenActiveThenRetiredThenGone(t *testing.T) {
	w := newWorld(t)
	w.tend()
	_, cookie := w.person("Ann")
	old := w.tokens(cookie, "web").text("id_token")
	oldHeader, _ := claims(t, old)
	steps := []struct {
		wait   time.Duration
		states map[KeyState]int
		signs  bool // is it still the first key that signs?
	}{
		{88 * day, map[KeyState]int{KeyActive: 1}, true},
		{day, map[KeyState]int{KeyActive: 1, KeyNext: 1}, true},
		{day - time.Minute, map[KeyState]int{KeyActive: 1, KeyNext: 1}, true},
		{2 * time.Minute, map[KeyState]int{KeyActive: 1, KeyRetired: 1}, false},
		{30 * day, map[KeyState]int{KeyActive: 1, KeyRetired: 1}, false},
		{2 * day, map[KeyState]int{KeyActive: 1}, false},
	}
	for i, step := range steps {
		w.wait(step.wait)
		w.tend()
		if got := w.states(RS256); len(got) != len(step.states) || got[KeyActive] != step.states[KeyActive] || got[KeyNext] != step.states[KeyNext] || got[KeyRetired] != step.states[KeyRetired] {
			t.Fatalf("step %d: got %v, want %v", i, got, step.states)
		}
		set, _ := w.jwks()
		if published := len(set.Key(oldHeader["kid"].(string))) == 1; published != (i < len(steps)-1) {
			t.Fatalf("step %d: the first key is in the JWKS: %v", i, published)
		}
		u, _ := w.person("Step " + string(rune('A'+i)))
		cookie, _ := w.session(u)
		header, _ := claims(t, w.tokens(cookie, "web").text("id_token"))
		if (header["kid"] == oldHeader["kid"]) != step.signs {
			t.Fatalf("step %d: signed with %v", i, header["kid"])
		}
	}
}

// A server that slept through the change still publishes a key a day before it signs.
func TestKeyIsPublishedADayBeforeItSignsHoweverLateItIsMade(t *testing.T) {
	w := newWorld(t)
	w.tend()
	w.wait(200 * day)
	w.tend()
	keys, err := w.p.Keys(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if k.State == KeyNext && k.ActiveFrom-k.Created < keyPublished.Microseconds() {
			t.Fatalf("%s signs %v after it was made", k.Alg, time.Duration(k.ActiveFrom-k.Created)*time.Microsecond)
		}
	}
	if got := w.states(ES256); got[KeyNext] != 1 || got[KeyActive] != 1 {
		t.Fatalf("got %v", got)
	}
}

func TestReplicasThatTendTheKeysAtOnceMakeOne(t *testing.T) {
	w := newWorld(t)
	w.tend()
	w.wait(89*day + time.Hour)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := w.p.TendKeys(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, alg := range signingAlgs {
		if got := w.states(alg); got[KeyNext] != 1 || got[KeyActive] != 1 {
			t.Errorf("%s: got %v, want one next and one active", alg, got)
		}
	}
}

func TestRotationUnderLoadBreaksNoClient(t *testing.T) {
	w := newWorld(t)
	w.tend()
	w.addClient("es", "web", func(c *storage.Client) { c.Settings.IDTokenAlg = ES256 })
	rp := &relyingParty{w: w}
	ctx, stop := context.WithCancel(context.Background())
	var (
		wg    sync.WaitGroup
		clock sync.RWMutex // minutes pass between the journeys, so that no code is over before its exchange
	)
	for range 4 {
		_, cookie := w.person("Ann" + strings.ToLower(storage.NewID().String()))
		first := w.tokens(cookie, "es")
		wg.Go(func() {
			for refresh := first.text("refresh_token"); ctx.Err() == nil; {
				clock.RLock()
				a := w.refresh("es", refresh)
				b := w.tokens(cookie, "es")
				clock.RUnlock()
				for _, got := range []answer{a, b} {
					if got.status != http.StatusOK || !rp.verify(got.text("id_token")) {
						t.Errorf("got %d %v: the ID token does not verify against the cached JWKS", got.status, got.body)
						return
					}
				}
				refresh = a.text("refresh_token")
			}
		})
	}
	seen := map[string]bool{}
	for round := range 4 {
		if err := w.p.RotateKeys(ctx, ES256, RotateGently); err != nil {
			t.Fatal(err)
		}
		for range 6 { // twelve minutes go by in small steps
			time.Sleep(5 * time.Millisecond)
			clock.Lock()
			w.wait(2 * time.Minute)
			clock.Unlock()
			w.tend()
		}
		keys, err := w.p.cache.keys(ctx)
		if err != nil {
			t.Fatal(err)
		}
		k, err := keys.inUse(ES256, w.p.micros())
		if err != nil {
			t.Fatal(err)
		}
		if seen[k.ID] {
			t.Fatalf("round %d rotated nothing", round)
		}
		seen[k.ID] = true
	}
	stop()
	wg.Wait()
}

func TestRotationAtOnceKeepsWhatTheOldKeySignedUnlessItLeaked(t *testing.T) {
	w := newWorld(t)
	w.tend()
	_, cookie := w.person("Ann")
	before := w.tokens(cookie, "web").text("id_token")
	hint := func(token string) string {
		return w.authorize(request("web", set("prompt", "none"), set("id_token_hint", token)), cookie).Get("error")
	}
	if err := w.p.RotateKeys(t.Context(), "", RotateNow); err != nil {
		t.Fatal(err)
	}
	after := w.tokens(cookie, "web").text("id_token")
	oldHeader, _ := claims(t, before)
	newHeader, _ := claims(t, after)
	if oldHeader["kid"] == newHeader["kid"] {
		t.Fatal("the old key still signs")
	}
	if got := hint(before); got != "" {
		t.Fatalf("a hint signed before the rotation: got %s", got)
	}
	if err := w.p.RotateKeys(t.Context(), RS256, RotateLeaked); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{before, after} {
		if got := hint(token); got == "" {
			t.Fatal("a token of a leaked key is still believed")
		}
	}
	if got := w.states(RS256); got[KeyActive] != 1 || len(got) != 1 {
		t.Fatalf("RS256 after a leak: got %v, want one active key", got)
	}
	if got := w.states(ES256); got[KeyRetired] != 1 {
		t.Fatalf("ES256, which did not leak: got %v, want its retired key kept", got)
	}
}

// A relying party that fetched the JWKS while a successor waited there needs no second look when it is made to sign at once.
func TestRotationAtOnceTakesTheKeyThatIsPublishedAlready(t *testing.T) {
	w := newWorld(t)
	w.tend()
	if err := w.p.RotateKeys(t.Context(), RS256, RotateGently); err != nil {
		t.Fatal(err)
	}
	known, _ := w.jwks()
	_, cookie := w.person("Ann")
	before, _ := claims(t, w.tokens(cookie, "web").text("id_token"))
	if err := w.p.RotateKeys(t.Context(), RS256, RotateNow); err != nil {
		t.Fatal(err)
	}
	after, _ := claims(t, w.tokens(cookie, "web").text("id_token"))
	if kid, _ := after["kid"].(string); kid == before["kid"] || len(known.Key(kid)) != 1 {
		t.Fatalf("after the rotation %v signs, before it %v did: want the other key that was in the JWKS", after["kid"], before["kid"])
	}
	if got := w.states(RS256); got[KeyActive] != 1 || got[KeyRetired] != 1 || got[KeyNext] != 0 {
		t.Fatalf("got %v, want the old key retired and no third one", got)
	}
}

func TestJWKSHoldsPublicHalvesAndMayBeCached(t *testing.T) {
	w := newWorld(t)
	w.tend()
	set, header := w.jwks()
	var ids []string
	for _, k := range set.Keys {
		if !k.IsPublic() || k.Use != "sig" || k.KeyID == "" || slices.Contains(ids, k.KeyID) {
			t.Errorf("published: %+v", k)
		}
		ids = append(ids, k.KeyID)
	}
	if len(ids) != len(signingAlgs) || header.Get("Cache-Control") != "public, max-age=300" || header.Get("ETag") == "" {
		t.Fatalf("got %d keys, %v", len(ids), header)
	}
	r := httptest.NewRequest("GET", "/oidc/jwks", nil)
	r.Header.Set("If-None-Match", header.Get("ETag"))
	if res := w.do(r); res.StatusCode != http.StatusNotModified {
		t.Fatalf("unchanged keys: got %d, want 304", res.StatusCode)
	}
	if err := w.p.RotateKeys(t.Context(), ES256, RotateGently); err != nil {
		t.Fatal(err)
	}
	r = httptest.NewRequest("GET", "/oidc/jwks", nil)
	r.Header.Set("If-None-Match", header.Get("ETag"))
	if res := w.do(r); res.StatusCode != http.StatusOK {
		t.Fatalf("with a new key: got %d, want the document", res.StatusCode)
	}
}
