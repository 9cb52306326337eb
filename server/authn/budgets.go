package authn

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"gatelatch/server/secret"
	"gatelatch/storage"
)

// Budgets are the limits that slow a guesser and keep mailboxes quiet. All are kept in the database, spent before the act,
// and given back by success. None of them touches a session that exists, or the link in a mail. A zero takes its default.
type Budgets struct {
	GuessesPerCode             int // 5; NIST SP 800-63B-4 §3.2.2 would allow 100 in a row
	WrongGuessesPerAddressHour int // 30, over all codes: asking again resets nothing
	MailsPerAddressBurst       int // 5 at once,
	MailsPerAddressMinute      int // then 1 a minute,
	MailsPerAddressHour        int // and never more than 20 an hour
	NetworkMailsHour           int // 60
	NetworkGuessesHour         int // 120
	MailsHour                  int // 1,000, of the whole server
	FlowsNetworkHour           int // 300
	SecondFactorGuessesHour    int // 10 wrong ones of a person's authenticator app; as many recovery codes
	SecondFactorGuessesDay     int // 30; in a year they hit a code that lives 90 seconds with a chance of 3 %
}

// DefaultBudgets are what counts where nothing else is configured.
func DefaultBudgets() Budgets {
	return Budgets{
		GuessesPerCode: 5, WrongGuessesPerAddressHour: 30,
		MailsPerAddressBurst: 5, MailsPerAddressMinute: 1, MailsPerAddressHour: 20,
		NetworkMailsHour: 60, NetworkGuessesHour: 120, MailsHour: 1000, FlowsNetworkHour: 300,
		SecondFactorGuessesHour: 10, SecondFactorGuessesDay: 30,
	}
}

func (b Budgets) withDefaults() Budgets {
	d := DefaultBudgets()
	for _, n := range []struct {
		set     *int
		without int
	}{
		{&b.GuessesPerCode, d.GuessesPerCode}, {&b.WrongGuessesPerAddressHour, d.WrongGuessesPerAddressHour},
		{&b.MailsPerAddressBurst, d.MailsPerAddressBurst}, {&b.MailsPerAddressMinute, d.MailsPerAddressMinute},
		{&b.MailsPerAddressHour, d.MailsPerAddressHour}, {&b.NetworkMailsHour, d.NetworkMailsHour},
		{&b.NetworkGuessesHour, d.NetworkGuessesHour}, {&b.MailsHour, d.MailsHour}, {&b.FlowsNetworkHour, d.FlowsNetworkHour},
		{&b.SecondFactorGuessesHour, d.SecondFactorGuessesHour}, {&b.SecondFactorGuessesDay, d.SecondFactorGuessesDay},
	} {
		if *n.set <= 0 {
			*n.set = n.without
		}
	}
	return b
}

// budget is one line of the table: what it slows down, and its limits.
type budget struct {
	slows  string
	limit  int
	window time.Duration // a window of limit tries, or
	refill time.Duration // a bucket of limit tries that gains one each refill
}

func (b Budgets) guesses() budget {
	return budget{slows: BudgetGuesses, limit: b.WrongGuessesPerAddressHour, window: time.Hour}
}

func (b Budgets) networkGuesses() budget {
	return budget{slows: BudgetNetworkGuesses, limit: b.NetworkGuessesHour, window: time.Hour}
}

func (b Budgets) burst() budget {
	return budget{slows: BudgetMails, limit: b.MailsPerAddressBurst, refill: time.Minute / time.Duration(b.MailsPerAddressMinute)}
}

func (b Budgets) mails() budget {
	return budget{slows: BudgetMails, limit: b.MailsPerAddressHour, window: time.Hour}
}

func (b Budgets) networkMails() budget {
	return budget{slows: BudgetNetworkMails, limit: b.NetworkMailsHour, window: time.Hour}
}

func (b Budgets) allMails() budget {
	return budget{slows: BudgetAllMails, limit: b.MailsHour, window: time.Hour}
}

func (b Budgets) flows() budget {
	return budget{slows: BudgetNetworkFlows, limit: b.FlowsNetworkHour, window: time.Hour}
}

// Devices that ask to be connected (RFC 8628 §5.1). A user code is one of 20^8. At most 3,000 are handed out in an hour, so at
// most some 500 live at once, and at most 1,000 wrong ones may be typed in an hour by all the world: guessing would hit one
// of them about every six years.
const (
	deviceCodesNetworkHour   = 60
	deviceCodesHour          = 3000
	deviceGuessesNetworkHour = 20
	deviceGuessesHour        = 1000
)

// Applications that register themselves, and change what they have registered (RFC 7591 §5). Each is a row that stays a day at least.
const (
	registrationsNetworkHour = 60
	registrationsHour        = 600
)

// SpendRegistration counts an application that registers itself from a visitor's network, or changes; *TooMany.
func (e *Engine) SpendRegistration(tx storage.Tx, v Visitor, now int64) error {
	if err := e.spend(tx, budget{slows: BudgetNetworkRegistrations, limit: registrationsNetworkHour, window: time.Hour}, v.Network, now); err != nil {
		return err
	}
	return e.spend(tx, budget{slows: BudgetRegistrations, limit: registrationsHour, window: time.Hour}, "", now)
}

// Documents about applications nobody here knows yet, at addresses that strangers name: each is a call to another server, and may
// become a row that stays a day.
const (
	documentsNetworkHour = 60
	documentsHour        = 600
)

// SpendDocument counts a document that a visitor's network has us read about an application that is not known here; *TooMany.
func (e *Engine) SpendDocument(tx storage.Tx, v Visitor, now int64) error {
	if err := e.spend(tx, budget{slows: BudgetNetworkDocuments, limit: documentsNetworkHour, window: time.Hour}, v.Network, now); err != nil {
		return err
	}
	return e.spend(tx, budget{slows: BudgetDocuments, limit: documentsHour, window: time.Hour}, "", now)
}

// SpendPushed counts a request that a client without a secret pushes from a visitor's network: each is a row that anybody may have us
// keep, like a sign-in that is begun. *TooMany.
func (e *Engine) SpendPushed(tx storage.Tx, v Visitor, now int64) error {
	return e.spend(tx, budget{slows: BudgetNetworkPushed, limit: e.cfg.Budgets.FlowsNetworkHour, window: time.Hour}, v.Network, now)
}

// picturesHour is how many pictures a person may have drawn anew: each takes a processor for a while.
const picturesHour = 30

// SpendPicture counts a picture that a person sends, before it is looked at; *TooMany.
func (e *Engine) SpendPicture(ctx context.Context, user storage.ID) error {
	now := e.now()
	return e.store.Write(ctx, func(tx storage.Tx) error {
		return e.spend(tx, budget{slows: BudgetPictures, limit: picturesHour, window: time.Hour}, user.String(), now)
	})
}

// SpendDeviceCode counts a device code that is handed out to a visitor's network; *TooMany.
func (e *Engine) SpendDeviceCode(tx storage.Tx, v Visitor, now int64) error {
	if err := e.spend(tx, budget{slows: BudgetNetworkDevices, limit: deviceCodesNetworkHour, window: time.Hour}, v.Network, now); err != nil {
		return err
	}
	return e.spend(tx, budget{slows: BudgetDevices, limit: deviceCodesHour, window: time.Hour}, "", now)
}

func deviceGuesses() (network, all budget) {
	return budget{slows: BudgetNetworkDeviceGuesses, limit: deviceGuessesNetworkHour, window: time.Hour}, budget{slows: BudgetDeviceGuesses, limit: deviceGuessesHour, window: time.Hour}
}

// SpendDeviceGuess counts a user code that somebody types, before it is looked up; *TooMany. A right one is given back by
// ReturnDeviceGuess.
func (e *Engine) SpendDeviceGuess(tx storage.Tx, v Visitor, now int64) error {
	network, all := deviceGuesses()
	if err := e.spend(tx, network, v.Network, now); err != nil {
		return err
	}
	return e.spend(tx, all, "", now)
}

// ReturnDeviceGuess gives back what a right user code took.
func (e *Engine) ReturnDeviceGuess(tx storage.Tx, v Visitor) error {
	network, all := deviceGuesses()
	if err := tx.ReturnBudget(e.name(network, v.Network)); err != nil {
		return err
	}
	return tx.ReturnBudget(e.name(all, ""))
}

// name is the budget's row for one address or network, of which it holds no more than a keyed digest.
func (e *Engine) name(b budget, whose string) string {
	kind := b.slows
	if b.refill > 0 {
		kind += "_burst"
	}
	return kind + "/" + base64.RawURLEncoding.EncodeToString(e.keys.Digest("budget", []byte(kind), []byte(whose))[:16])
}

// take takes one from the budget of whose; storage.ErrSpent if nothing is left.
func (e *Engine) take(tx storage.Tx, b budget, whose string, now int64) error {
	name, limit := e.name(b, whose), int64(b.limit)
	var err error
	if b.refill > 0 {
		err = tx.SpendBucket(name, limit, b.refill.Microseconds(), now)
	} else {
		err = tx.SpendBudget(name, limit, b.window.Microseconds(), now)
	}
	if err != nil && !errors.Is(err, storage.ErrSpent) {
		err = fmt.Errorf("spend budget of %s: %w", b.slows, err)
	}
	return err
}

// spend is take with the answer for whoever comes too often: *TooMany.
func (e *Engine) spend(tx storage.Tx, b budget, whose string, now int64) error {
	err := e.take(tx, b, whose, now)
	if !errors.Is(err, storage.ErrSpent) {
		return err
	}
	_, at, err := tx.BudgetLeft(e.name(b, whose), 0, now)
	if err != nil {
		return fmt.Errorf("read budget of %s: %w", b.slows, err)
	}
	if b.refill > 0 { // the bucket's row says when it will be full; one is there sooner
		at -= int64(b.limit-1) * b.refill.Microseconds()
	}
	return &TooMany{Budget: b.slows, Wait: max(time.Second, time.Duration(at-now)*time.Microsecond)}
}

// left is how many tries the budget of whose still holds.
func (e *Engine) left(tx storage.Tx, b budget, whose string, now int64) (int64, error) {
	left, _, err := tx.BudgetLeft(e.name(b, whose), int64(b.limit), now)
	return left, err
}

// guesser is whose budgets a visitor uses up at an address, or at a username: those of a browser in which its owner has signed in before, so that
// nobody's guesses and mails slow them there; or else those of the address. The cookie of a stolen browser gives no more than its own.
func (e *Engine) guesser(tx storage.Tx, v Visitor, address string, now int64) (whose string, known bool, err error) {
	if v.Device == "" {
		return address, false, nil
	}
	d, err := tx.DeviceOf(address, secret.Hash(v.Device), now)
	if errors.Is(err, storage.ErrNotFound) {
		return address, false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("look up browser: %w", err)
	}
	return "browser/" + d.ID.String(), true, nil
}

// spendGuess counts a guess at what proves an address (a mailed code, a password), before anything is compared; *TooMany.
func (e *Engine) spendGuess(tx storage.Tx, v Visitor, address string, now int64) error {
	whose, known, err := e.guesser(tx, v, address, now)
	if err != nil {
		return err
	}
	if !known {
		if err := e.spend(tx, e.cfg.Budgets.networkGuesses(), v.Network, now); err != nil {
			return err
		}
	}
	return e.spend(tx, e.cfg.Budgets.guesses(), whose, now)
}

// noteSlowed writes an event when the guess that has been counted was the last one that its budget had.
func (e *Engine) noteSlowed(tx storage.Tx, v Visitor, address string, now int64) error {
	whose, _, err := e.guesser(tx, v, address, now)
	if err != nil {
		return err
	}
	left, err := e.left(tx, e.cfg.Budgets.guesses(), whose, now)
	if err != nil {
		return fmt.Errorf("read budget of guesses: %w", err)
	}
	if left > 0 {
		return nil
	}
	lookUp := tx.UserByEmail
	if !isAddress(address) {
		lookUp = tx.UserByUsername
	}
	u, err := lookUp(address)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("look up whose it is: %w", err)
	}
	return tx.InsertEvent(storage.Event{ID: storage.NewID(), Kind: storage.EventAddressSlowed, UserID: u.ID, IP: ip(v)})
}

// secondFactor are the budgets of wrong answers to one second factor.
func (b Budgets) secondFactor() []budget {
	return []budget{
		{slows: BudgetSecondFactor, limit: b.SecondFactorGuessesHour, window: time.Hour},
		{slows: BudgetSecondFactorDay, limit: b.SecondFactorGuessesDay, window: 24 * time.Hour},
	}
}

// spendSecond counts a guess at a second factor of a person, before anything is compared; *TooMany. Whoever guesses has proven a
// first factor. As with an address, the person's own browsers have budgets of their own. It returns how many guesses are left.
func (e *Engine) spendSecond(tx storage.Tx, v Visitor, user storage.ID, m Method, now int64) (left int64, err error) {
	whose, known, err := e.secondGuesser(tx, v, user, m, now)
	if err != nil {
		return 0, err
	}
	if !known {
		if err := e.spend(tx, e.cfg.Budgets.networkGuesses(), v.Network, now); err != nil {
			return 0, err
		}
	}
	for i, b := range e.cfg.Budgets.secondFactor() {
		if err := e.spend(tx, b, whose, now); err != nil {
			return 0, err
		}
		n, err := e.left(tx, b, whose, now)
		if err != nil {
			return 0, fmt.Errorf("read budget of %s: %w", b.slows, err)
		}
		if i == 0 || n < left {
			left = n
		}
	}
	return left, nil
}

// refundSecond gives back what a person used up on the way to a right answer.
func (e *Engine) refundSecond(tx storage.Tx, v Visitor, user storage.ID, m Method, now int64) error {
	whose, known, err := e.secondGuesser(tx, v, user, m, now)
	if err != nil {
		return err
	}
	for _, b := range e.cfg.Budgets.secondFactor() {
		if err := tx.RefundBudget(e.name(b, whose)); err != nil {
			return fmt.Errorf("refund budget of %s: %w", b.slows, err)
		}
	}
	if known {
		return nil
	}
	return tx.ReturnBudget(e.name(e.cfg.Budgets.networkGuesses(), v.Network))
}

func (e *Engine) secondGuesser(tx storage.Tx, v Visitor, user storage.ID, m Method, now int64) (whose string, known bool, err error) {
	d, known, err := e.device(tx, v, user, now)
	if known {
		return string(m) + "/browser/" + d.ID.String(), true, err
	}
	return string(m) + "/" + user.String(), false, err
}

// refundGuess gives back what the owner of an address used up to prove it with a typed code, outside of any flow.
func (e *Engine) refundGuess(tx storage.Tx, v Visitor, address string) error {
	b := e.cfg.Budgets
	for _, own := range []budget{b.guesses(), b.burst(), b.mails()} {
		if err := tx.RefundBudget(e.name(own, address)); err != nil {
			return fmt.Errorf("refund budget of %s: %w", own.slows, err)
		}
	}
	for _, shared := range []string{e.name(b.networkMails(), v.Network), e.name(b.allMails(), ""), e.name(b.networkGuesses(), v.Network)} {
		if err := tx.ReturnBudget(shared); err != nil {
			return fmt.Errorf("refund budget: %w", err)
		}
	}
	return nil
}

// refund gives back what the owner of an address used up on the way in: all that hangs on what they have typed, which is login, and on
// the browser of theirs, for nobody else gets this far with it; and one of each that is shared with others. Of a username and an address
// the other one gets nothing back: to see both of them full again at once would tell that they are one person's.
// typed: by a code, so that a guess was spent.
func (e *Engine) refund(tx storage.Tx, v Visitor, address, login string, typed bool, now int64) error {
	whose, known, err := e.guesser(tx, v, login, now)
	if err != nil {
		return err
	}
	names := []string{whose, login}
	if login != address {
		names = append(names, byName(address))
	}
	b := e.cfg.Budgets
	for _, own := range []budget{b.guesses(), b.burst(), b.mails()} {
		for _, whose := range names {
			if err := tx.RefundBudget(e.name(own, whose)); err != nil {
				return fmt.Errorf("refund budget of %s: %w", own.slows, err)
			}
		}
	}
	shared := []string{e.name(b.flows(), v.Network), e.name(b.networkMails(), v.Network), e.name(b.allMails(), "")}
	if typed && !known {
		shared = append(shared, e.name(b.networkGuesses(), v.Network))
	}
	for _, name := range shared {
		if err := tx.ReturnBudget(name); err != nil {
			return fmt.Errorf("refund budget: %w", err)
		}
	}
	return nil
}
