package oidc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// The life of a signing key (docs/decisions/0005-signing-keys.md).
const (
	keyPublished = 24 * time.Hour               // a key is in the JWKS so long before it signs
	keyInUse     = 90 * 24 * time.Hour          // and signs so long
	keyKept      = maxJWTLife + 30*24*time.Hour // and verifies so long after that: hints and sign-outs come late
	jwksLife     = 5 * time.Minute              // how long the JWKS may be cached
	maxJWTLife   = 24 * time.Hour               // no JWT of ours lives longer
	gentleWait   = 2 * jwksLife                 // before a key made by hand signs: by then every cache knows it
)

// KeyState says where a signing key is in its life.
type KeyState string

// The states of a key.
const (
	KeyNext    KeyState = "next"    // published, does not sign yet
	KeyActive  KeyState = "active"  // signs
	KeyRetired KeyState = "retired" // verifies what it has signed
)

// KeyInfo is what may be known of a signing key.
type KeyInfo struct {
	ID         string
	Alg        string
	State      KeyState
	Created    int64
	ActiveFrom int64
	RetiredAt  int64 // 0: not yet
}

// newKey is a key that ought to be there.
type newKey struct {
	alg        string
	activeFrom int64
}

// keyPlan is what has to be done to the keys.
type keyPlan struct {
	create []newKey
	retire map[string]int64 // id → since when
	drop   []string
}

func (p keyPlan) empty() bool { return len(p.create) == 0 && len(p.retire) == 0 && len(p.drop) == 0 }

// planKeys is the schedule: one key of each algorithm from the start, its successor published a day before it takes over,
// the superseded kept until nobody can still ask about what they signed. Pure.
func planKeys(rows []storage.Key, algs []string, now int64) keyPlan {
	plan := keyPlan{retire: map[string]int64{}}
	for _, alg := range algs {
		var active, next *storage.Key
		for i := range rows {
			switch k := &rows[i]; stateOf(rows, *k, now) {
			case KeyActive:
				if k.Alg == alg {
					active = k
				}
			case KeyNext:
				if k.Alg == alg {
					next = k
				}
			}
		}
		switch {
		case active == nil:
			// A key that is next would sign too late.
			plan.create = append(plan.create, newKey{alg, now})
		case next == nil && active.ActiveFrom+(keyInUse-keyPublished).Microseconds() <= now:
			plan.create = append(plan.create, newKey{alg, max(active.ActiveFrom+keyInUse.Microseconds(), now+keyPublished.Microseconds())})
		}
	}
	for _, k := range rows {
		switch {
		case k.RetiredAt > 0 && k.RetiredAt+keyKept.Microseconds() <= now:
			plan.drop = append(plan.drop, k.ID)
		case k.RetiredAt == 0 && stateOf(rows, k, now) == KeyRetired:
			plan.retire[k.ID] = now
		}
	}
	return plan
}

// stateOf finds a key's place among all rows.
func stateOf(rows []storage.Key, k storage.Key, now int64) KeyState {
	if k.RetiredAt > 0 {
		return KeyRetired
	}
	if k.ActiveFrom > now {
		return KeyNext
	}
	for _, other := range rows {
		if other.Alg == k.Alg && other.RetiredAt == 0 && other.ActiveFrom <= now && (other.ActiveFrom > k.ActiveFrom || other.ActiveFrom == k.ActiveFrom && after(rows, other, k)) {
			return KeyRetired
		}
	}
	return KeyActive
}

// after reports whether a comes after b among the rows; it decides between keys of one moment.
func after(rows []storage.Key, a, b storage.Key) bool {
	index := func(id string) int { return slices.IndexFunc(rows, func(k storage.Key) bool { return k.ID == id }) }
	return index(a.ID) > index(b.ID)
}

// TendKeys does what the schedule asks for now; usually nothing, and then nothing is written. It may run on every replica at once.
func (p *Provider) TendKeys(ctx context.Context) error {
	p.tending.Lock() // whoever needs the first keys waits for those that are being made, and makes no others
	defer p.tending.Unlock()
	if err := p.tendKeys(ctx, signingAlgs); err != nil {
		return err
	}
	p.tended.Store(true)
	return nil
}

// firstKeys waits for a key of every algorithm. Only the very first requests of a new server wait: an RSA key takes a while,
// and the start does not.
func (p *Provider) firstKeys(ctx context.Context, have *keySet) error {
	if p.tended.Load() {
		return nil
	}
	for _, alg := range signingAlgs {
		if _, err := have.inUse(alg, p.micros()); err != nil {
			return p.TendKeys(context.WithoutCancel(ctx))
		}
	}
	p.tended.Store(true)
	return nil
}

func (p *Provider) tendKeys(ctx context.Context, algs []string) error {
	rows, err := p.store.View(ctx).Keys()
	if err != nil {
		return fmt.Errorf("read signing keys: %w", err)
	}
	now := p.micros()
	plan := planKeys(rows, algs, now)
	if plan.empty() {
		return nil
	}
	made := map[string]storage.Key{} // ahead of the write: an RSA key takes a while
	for _, n := range plan.create {
		if made[n.alg], err = makeKey(n.alg, p.secrets, now); err != nil {
			return err
		}
	}
	err = p.store.Write(ctx, func(tx storage.Tx) error {
		// Another replica may have done it meanwhile: look again with the door locked, and do only what is still to do.
		if err := tx.LockConfiguration(); err != nil {
			return err
		}
		rows, err := tx.Keys()
		if err != nil {
			return err
		}
		plan := planKeys(rows, algs, now)
		for _, n := range plan.create {
			k, ok := made[n.alg]
			if !ok {
				continue // asked for by what the other replica did; the next round makes it
			}
			k.ActiveFrom = n.activeFrom
			if err := addKey(tx, k); err != nil {
				return err
			}
		}
		return clearKeys(tx, rows, plan)
	})
	if err != nil {
		return fmt.Errorf("store signing keys: %w", err)
	}
	return nil
}

// clearKeys retires and drops what the plan says.
func clearKeys(tx storage.Tx, rows []storage.Key, plan keyPlan) error {
	for _, k := range rows {
		kind := ""
		switch at, retired := plan.retire[k.ID]; {
		case retired:
			k.RetiredAt, kind = at, storage.EventKeyRetired
			if err := tx.UpdateKey(k); err != nil {
				return err
			}
		case slices.Contains(plan.drop, k.ID):
			kind = storage.EventKeyDropped
			if err := tx.DeleteKey(k.ID); err != nil {
				return err
			}
		default:
			continue
		}
		if err := keyEvent(tx, kind, "system", k); err != nil {
			return err
		}
	}
	return nil
}

func addKey(tx storage.Tx, k storage.Key) error {
	if err := tx.InsertKey(k); err != nil {
		return err
	}
	return keyEvent(tx, storage.EventKeyCreated, "system", k)
}

func keyEvent(tx storage.Tx, kind, actor string, k storage.Key) error {
	return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: kind, Actor: actor, Detail: k.Alg + " " + k.ID})
}

// Keys lists the signing keys, the oldest first.
func (p *Provider) Keys(ctx context.Context) ([]KeyInfo, error) {
	if _, err := p.cache.keys(ctx); err != nil { // the first ones may still have to be made
		return nil, err
	}
	rows, err := p.store.View(ctx).Keys()
	if err != nil {
		return nil, err
	}
	now, list := p.micros(), make([]KeyInfo, 0, len(rows))
	for _, k := range rows {
		list = append(list, KeyInfo{ID: k.ID, Alg: k.Alg, State: stateOf(rows, k, now), Created: k.Created, ActiveFrom: k.ActiveFrom, RetiredAt: k.RetiredAt})
	}
	return list, nil
}

// Urgency is how a rotation by hand goes about it.
type Urgency string

// The urgencies of a rotation.
const (
	RotateGently Urgency = "gently" // the new key signs once every cache of the JWKS has it: no client notices
	RotateNow    Urgency = "now"    // the key that is next signs at once; without one, a client that caches the JWKS meets a kid it must look up
	RotateLeaked Urgency = "leaked" // at once, and the old keys leave the JWKS: what they signed is believed no more
)

// RotateKeys brings new keys into use, of one algorithm or, with "", of all.
func (p *Provider) RotateKeys(ctx context.Context, alg string, urgency Urgency) error {
	algs := signingAlgs
	if alg != "" {
		algs = []string{alg}
	}
	now := p.micros()
	made := map[string]storage.Key{}
	for _, alg := range algs {
		var err error
		if made[alg], err = makeKey(alg, p.secrets, now); err != nil {
			return err
		}
	}
	err := p.store.Write(ctx, func(tx storage.Tx) error {
		if err := tx.LockConfiguration(); err != nil {
			return err
		}
		rows, err := tx.Keys()
		if err != nil {
			return err
		}
		for _, alg := range algs {
			if err := rotateKey(tx, rows, made[alg], urgency, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("rotate signing keys: %w", err)
	}
	return nil
}

// rotateKey puts one key in the place of those of its algorithm.
func rotateKey(tx storage.Tx, rows []storage.Key, fresh storage.Key, urgency Urgency, now int64) error {
	promoted := false
	for _, k := range rows {
		if k.Alg != fresh.Alg {
			continue
		}
		var (
			err  error
			kind string
		)
		switch state := stateOf(rows, k, now); {
		case urgency == RotateLeaked:
			kind, err = storage.EventKeyDropped, tx.DeleteKey(k.ID)
		case state == KeyNext && urgency == RotateGently:
			// One is waiting already: it only starts earlier, but not before the caches know it.
			if at := max(now, k.Created+gentleWait.Microseconds()); at < k.ActiveFrom {
				k.ActiveFrom = at
				if err := tx.UpdateKey(k); err != nil {
					return err
				}
			}
			return keyEvent(tx, storage.EventKeyRotated, "cli", k)
		case state == KeyNext: // it is published already: caches may know it, and know no other
			k.ActiveFrom, promoted, kind = now, true, storage.EventKeyRotated
			err = tx.UpdateKey(k)
		case state == KeyActive && urgency == RotateNow:
			k.RetiredAt, kind = now, storage.EventKeyRetired
			err = tx.UpdateKey(k)
		}
		if err != nil {
			return err
		}
		if kind != "" {
			if err := keyEvent(tx, kind, "cli", k); err != nil {
				return err
			}
		}
	}
	if promoted {
		return nil
	}
	if urgency == RotateGently {
		fresh.ActiveFrom = now + gentleWait.Microseconds()
	}
	if err := tx.InsertKey(fresh); err != nil {
		return err
	}
	return keyEvent(tx, storage.EventKeyRotated, "cli", fresh)
}

// makeKey makes a key pair; its private half is sealed from the first moment on.
func makeKey(alg string, keys *secret.Keys, now int64) (storage.Key, error) {
	var (
		private crypto.Signer
		err     error
	)
	switch alg {
	case RS256, PS256:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = errNoKey
	}
	if err != nil {
		return storage.Key{}, fmt.Errorf("make %s key: %w", alg, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return storage.Key{}, fmt.Errorf("encode %s key: %w", alg, err)
	}
	public, err := publicJWK(alg, private.Public())
	if err != nil {
		return storage.Key{}, err
	}
	text, err := json.Marshal(public)
	if err != nil {
		return storage.Key{}, fmt.Errorf("encode public key: %w", err)
	}
	return storage.Key{ID: public.Kid, Alg: alg, Public: string(text), Sealed: keys.Seal(der, "keys", public.Kid, "sealed"), Created: now, ActiveFrom: now}, nil
}
