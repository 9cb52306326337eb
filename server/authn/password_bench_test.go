package authn_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"gatelatch/server/authn"
	"gatelatch/storage/storagetest"
)

// BenchmarkWrongPasswords compares how long a wrong password takes for somebody who is there and somebody who is not, in turns and
// with the parameters by default: the two medians must not be told apart.
func BenchmarkWrongPasswords(b *testing.B) {
	budgets := generous()
	budgets.WrongGuessesPerAddressHour = 1_000_000
	r := newRoom(b, storagetest.Open(b), authn.Config{Budgets: budgets})
	r.person("ann@example.com", horse)
	v := browser()
	flow := r.flow(v, authn.Start{})
	took := map[string][]time.Duration{}
	for b.Loop() {
		for _, identifier := range []string{"ann@example.com", "eve@example.com"} {
			began := time.Now()
			if _, err := r.e.CheckPassword(b.Context(), v, authn.Attempt{Flow: flow, Identifier: identifier, Password: goose}); !errors.Is(err, authn.ErrWrongAnswer) {
				b.Fatal(err)
			}
			took[identifier] = append(took[identifier], time.Since(began))
		}
	}
	for identifier, unit := range map[string]string{"ann@example.com": "known-ms", "eve@example.com": "unknown-ms"} {
		slices.Sort(took[identifier])
		b.ReportMetric(float64(took[identifier][len(took[identifier])/2].Microseconds())/1000, unit)
	}
}
