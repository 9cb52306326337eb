package safehttp

import (
	"sync"
	"time"
)

// A failure is remembered for so long, and so many of them are.
const (
	failureLife = time.Minute
	maxFailures = 1000
)

// failures remembers which addresses failed lately.
type failures struct {
	now func() time.Time
	mu  sync.Mutex
	all map[string]failure
}

type failure struct {
	err   error
	until time.Time
}

// recent returns the failure of an address if it is not older than a minute.
func (f *failures) recent(address string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known, ok := f.all[address]; ok && f.now().Before(known.until) {
		return known.err
	}
	return nil
}

// note remembers a failure. When there are too many, the old ones go, and if none is old, all.
func (f *failures) note(address string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if len(f.all) >= maxFailures {
		for a, known := range f.all {
			if !now.Before(known.until) {
				delete(f.all, a)
			}
		}
		if len(f.all) >= maxFailures {
			clear(f.all)
		}
	}
	if f.all == nil {
		f.all = map[string]failure{}
	}
	f.all[address] = failure{err: err, until: now.Add(failureLife)}
}
