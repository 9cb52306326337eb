package oidc

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// crowd is a world where so many grants live, one of ten people each, and the next refresh token of every one.
type crowd struct {
	*world
	grants []storage.Grant
	client storage.Client
	took   []time.Duration
}

func newCrowd(b *testing.B, grants int) *crowd {
	c := &crowd{world: newWorld(b), grants: make([]storage.Grant, 0, grants)}
	c.addClient("es", "web", func(cl *storage.Client) { cl.Settings.IDTokenAlg = ES256 })
	var err error
	if c.client, err = c.store.View(b.Context()).Client("es"); err != nil {
		b.Fatal(err)
	}
	now := c.now().UnixMicro()
	var u storage.User
	for len(c.grants) < grants {
		c.write(func(tx storage.Tx) error {
			for range min(2_000, grants-len(c.grants)) {
				if len(c.grants)%10 == 0 {
					u = storage.User{ID: storage.NewID(), Status: "active", Created: now, Updated: now}
					address := u.ID.String() + "@example.com"
					if err := tx.InsertUser(u); err != nil {
						return err
					}
					if err := tx.InsertEmail(storage.Email{UserID: u.ID, Address: address, Typed: address, Primary: true, VerifiedAt: now, Created: now}); err != nil {
						return err
					}
				}
				g := storage.Grant{ID: storage.NewID(), ClientID: "es", UserID: u.ID, Secret: secret.Random(16), Scope: "openid email offline_access", AuthTime: now,
					AMR: "otp", ACR: "urn:gatelatch:1", CodeExpires: now + time.Minute.Microseconds(), Expires: now + (30 * 24 * time.Hour).Microseconds()}
				if err := tx.InsertGrant(g); err != nil {
					return err
				}
				if err := tx.RedeemCode(g.ID, now, g.Expires); err != nil {
					return err
				}
				g.Generation = 1
				c.grants = append(c.grants, g)
			}
			return nil
		})
	}
	return c
}

// refresh spends the refresh token of one grant that nobody has refreshed yet, and notes how long that took.
func (c *crowd) refreshOne(b *testing.B) {
	i := rand.IntN(len(c.grants))
	for c.grants[i].Generation == 0 {
		i = (i + 1) % len(c.grants)
	}
	g := &c.grants[i]
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {c.p.refreshToken(&session{grant: *g, client: c.client}, g.Generation)}}
	g.Generation = 0
	r := httptest.NewRequest("POST", "/oidc/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("es", testSecret)
	rec := httptest.NewRecorder()
	began := time.Now()
	c.mux.ServeHTTP(rec, r)
	c.took = append(c.took, time.Since(began))
	if rec.Code != http.StatusOK {
		b.Fatalf("got %d %s", rec.Code, rec.Body)
	}
}

func (c *crowd) quantile(q float64) float64 {
	slices.Sort(c.took)
	return float64(c.took[int(q*float64(len(c.took)-1))].Microseconds()) / 1000
}

// BenchmarkRefreshAmongManyGrants measures a refresh where a million grants live beside one where ten thousand do, in turn, so
// that both meet the same machine: go test -run - -bench AmongMany -benchtime 6000x ./server/oidc
func BenchmarkRefreshAmongManyGrants(b *testing.B) {
	few, many := newCrowd(b, 10_000), newCrowd(b, 1_000_000)
	for b.Loop() {
		few.refreshOne(b)
		many.refreshOne(b)
	}
	b.ReportMetric(few.quantile(0.5), "p50-few-ms")
	b.ReportMetric(many.quantile(0.5), "p50-many-ms")
	b.ReportMetric(few.quantile(0.99), "p99-few-ms")
	b.ReportMetric(many.quantile(0.99), "p99-many-ms")
	b.ReportMetric(many.quantile(0.99)/few.quantile(0.99), "p99-ratio")
}
