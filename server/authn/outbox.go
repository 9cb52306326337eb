package authn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"gatelatch/email"
	"gatelatch/server/secret"
	"gatelatch/storage"
)

// kindMail is the outbox's name for a mail with a code; kindUnsent, among pending things, notes that one could not be sent.
const (
	kindMail   = "mail"
	kindUnsent = "unsent"
)

const (
	senders     = 8                // deliveries of one kind on their way at once
	sendTimeout = 30 * time.Second // a mail server that has not answered by then is tried again
	sendGrace   = 5 * time.Second  // what a mail on its way gets when the server stops
	lease       = time.Minute      // another replica takes over a mail whose sender died
	pollEvery   = 2 * time.Second  // how soon mail written by another replica, or due again, is found
	backoffMost = time.Minute
	logEvery    = 5 * time.Minute // the same trouble is worth one line in
)

// Carrier delivers something other than a mail. An error is tried again until the delivery expires, unless it is ErrHopeless.
type Carrier func(ctx context.Context, d storage.Delivery) error

// Carry says who delivers a kind of thing. It must be called before Deliver.
func (e *Engine) Carry(kind string, carrier Carrier) {
	e.outbox.carriers[kind] = carrier
	e.outbox.wake[kind] = make(chan struct{}, 1)
}

// outbox is the sending side in this process.
type outbox struct {
	carriers map[string]Carrier
	wake     map[string]chan struct{} // by kind
	mu       *sync.Mutex
	trouble  map[email.Kind]time.Time // last logged
}

func newOutbox() outbox {
	return outbox{carriers: map[string]Carrier{}, wake: map[string]chan struct{}{kindMail: make(chan struct{}, 1), kindNotice: make(chan struct{}, 1)}, mu: new(sync.Mutex), trouble: map[email.Kind]time.Time{}}
}

// wakeUp makes Deliver look at once.
func (o outbox) wakeUp() {
	for kind := range o.wake {
		o.wakeKind(kind)
	}
}

func (o outbox) wakeKind(kind string) {
	select {
	case o.wake[kind] <- struct{}{}:
	default:
	}
}

// Deliver sends what lies in the outbox until ctx ends, and then waits for what is on its way. Several replicas may do so at
// once: each mail is claimed before it is sent. Mail that cannot be sent is tried again until its code is worth nothing. Every kind
// has senders of its own: applications that are slow to hear of a logout do not delay a code.
func (e *Engine) Deliver(ctx context.Context) error {
	var kinds sync.WaitGroup
	for kind := range e.outbox.wake {
		kinds.Go(func() { e.deliverKind(ctx, kind) })
	}
	kinds.Wait()
	return nil
}

func (e *Engine) deliverKind(ctx context.Context, kind string) {
	var running sync.WaitGroup
	defer running.Wait()
	slots := make(chan struct{}, senders)
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		claimed, err := e.claim(ctx, kind, senders-len(slots))
		if err != nil && ctx.Err() == nil {
			e.logTrouble(ctx, "outbox", slog.Any("error", err))
		}
		for _, d := range claimed {
			slots <- struct{}{}
			running.Go(func() {
				defer func() { <-slots; e.outbox.wakeKind(kind) }()
				e.deliver(ctx, d)
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-e.outbox.wake[kind]:
		case <-poll.C:
		}
	}
}

// claim reserves up to limit due deliveries of a kind for this process.
func (e *Engine) claim(ctx context.Context, kind string, limit int) ([]storage.Delivery, error) {
	if limit <= 0 || ctx.Err() != nil {
		return nil, nil
	}
	now := e.now()
	due, err := e.store.View(ctx).DueDeliveries(now, limit, kind)
	if err != nil || len(due) == 0 {
		return nil, err
	}
	var mine []storage.Delivery
	err = e.store.Write(ctx, func(tx storage.Tx) error {
		mine = nil
		for _, d := range due {
			err := tx.ClaimDelivery(d.ID, d.Due, now+lease.Microseconds())
			if errors.Is(err, storage.ErrSpent) {
				continue
			}
			if err != nil {
				return err
			}
			mine = append(mine, d)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("claim deliveries: %w", err)
	}
	return mine, nil
}

// carry lets a carrier deliver something and records what came of it.
func (e *Engine) carry(ctx context.Context, d storage.Delivery, carrier Carrier) {
	err := e.guard(ctx, func() error { return carrier(ctx, d) })
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendGrace)
	defer cancel()
	next := e.now() + backoff(d.Attempts).Microseconds()
	over := err == nil || errors.Is(err, ErrHopeless) || next >= d.Expires
	if err != nil {
		e.log.WarnContext(ctx, "not delivered", "kind", d.Kind, "attempt", d.Attempts+1, "given_up", over, "error", err)
	}
	recorded := e.store.Write(ctx, func(tx storage.Tx) error {
		if over {
			return tx.DeleteDelivery(d.ID)
		}
		return tx.PostponeDelivery(d.ID, next, "not delivered")
	})
	if recorded != nil {
		e.logTrouble(ctx, "outbox", slog.Any("error", recorded))
	}
}

// guard makes a panic the failure of one delivery alone.
func (e *Engine) guard(ctx context.Context, do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			e.log.ErrorContext(ctx, "panic", "panic", p, "stack", string(debug.Stack()))
			err = errors.New("deliver: panic")
		}
	}()
	return do()
}

// deliver sends one claimed mail and records what came of it.
func (e *Engine) deliver(ctx context.Context, d storage.Delivery) {
	if carrier, ok := e.outbox.carriers[d.Kind]; ok {
		e.carry(ctx, d, carrier)
		return
	}
	var l letter
	err := e.guard(ctx, func() error { return e.send(ctx, d, &l) })
	// What came of it is recorded even while the server stops, or the mail would leave twice.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendGrace)
	defer cancel()
	if err := e.store.Write(ctx, func(tx storage.Tx) error { return e.record(tx, d, l, err) }); err != nil {
		e.logTrouble(ctx, "outbox", slog.Any("error", err))
	}
	var known *email.Error
	switch {
	case errors.As(err, &known):
		e.logTrouble(ctx, known.Kind, slog.Any("mail", known))
	case err != nil:
		e.logTrouble(ctx, "unknown", slog.Any("error", err))
	}
}

// send writes the mail and hands it to the sender; nil also for a mail that is not worth sending any more.
func (e *Engine) send(ctx context.Context, d storage.Delivery, l *letter) error {
	if d.Kind != kindMail && d.Kind != kindNotice {
		return fmt.Errorf("this version knows no delivery of kind %q", d.Kind)
	}
	if err := json.Unmarshal([]byte(d.Payload), l); err != nil {
		return fmt.Errorf("read letter: %w", err)
	}
	m, worth, err := e.write(ctx, d, *l)
	if err != nil || !worth {
		return err
	}
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(sendGrace, cancel) })()
	return e.mail.Send(sending, m)
}

// record writes down what came of a delivery: gone when sent or hopeless, else due again. Trouble that will not go away by
// itself is noted beside the code, so that its page can say so at once.
func (e *Engine) record(tx storage.Tx, d storage.Delivery, l letter, sendErr error) error {
	now := e.now()
	unsent := unsentDigest(l.OTP, l.Sent)
	if sendErr == nil {
		if err := tx.SpendPending(kindUnsent, unsent, now); err != nil && !errors.Is(err, storage.ErrSpent) {
			return err
		}
		return tx.DeleteDelivery(d.ID)
	}
	var known *email.Error
	permanent := errors.As(sendErr, &known) && known.Permanent
	if known != nil && d.Kind == kindMail && (permanent || lasting[known.Kind]) {
		_, err := tx.Pending(kindUnsent, unsent, now)
		if errors.Is(err, storage.ErrNotFound) {
			err = tx.InsertPending(storage.Pending{Digest: unsent, Kind: kindUnsent, Created: now, Expires: d.Expires})
		}
		if err != nil {
			return err
		}
	}
	next := now + backoff(d.Attempts).Microseconds()
	if permanent || next >= d.Expires {
		return tx.DeleteDelivery(d.ID)
	}
	reason := "unknown"
	if known != nil {
		reason = string(known.Kind)
	}
	return tx.PostponeDelivery(d.ID, next, reason)
}

// lasting are the troubles that somebody has to repair before mail leaves again.
var lasting = map[email.Kind]bool{
	email.Sandbox: true, email.Identity: true, email.Region: true, email.Keys: true, email.Permission: true, email.Paused: true,
	email.Setting: true, email.Password: true, email.TLS: true, email.Content: true, email.Recipient: true,
}

// backoff is how long to wait after so many earlier attempts: 2 s, 4 s, 8 s … a minute.
func backoff(earlier int64) time.Duration {
	return min(backoffMost, 2*time.Second<<min(earlier, 10))
}

// unsentDigest names the note that one sending of a code did not work.
func unsentDigest(otp string, sent int64) []byte {
	return secret.Hash(fmt.Sprintf("%s %s %d", kindUnsent, otp, sent))
}

// mailsStopped tells the log, once in a while, that the server as a whole has sent all it may.
func (e *Engine) mailsStopped(err error) error {
	var many *TooMany
	if errors.As(err, &many) && many.Budget == BudgetAllMails {
		e.logTrouble(context.Background(), BudgetAllMails, slog.Int("budgets.mails_hour", e.cfg.Budgets.MailsHour),
			slog.String("next", "Find out who asks for so many codes, or raise budgets.mails_hour."))
	}
	return err
}

// logTrouble says what is wrong with mail, the same trouble at most every few minutes, and never to whom it was addressed.
func (e *Engine) logTrouble(ctx context.Context, kind email.Kind, what slog.Attr, more ...any) {
	at := e.clock()
	e.outbox.mu.Lock()
	last, before := e.outbox.trouble[kind]
	quiet := before && at.Sub(last) < logEvery && !at.Before(last)
	if !quiet {
		e.outbox.trouble[kind] = at
	}
	e.outbox.mu.Unlock()
	if !quiet {
		e.log.WarnContext(ctx, "mail does not leave", append([]any{what}, more...)...)
	}
}
