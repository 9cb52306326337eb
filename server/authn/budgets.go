package authn

import (
	"encoding/base64"
	"errors"
	"fmt"
	"time"

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
}

// DefaultBudgets are those of DESIGN §6.
func DefaultBudgets() Budgets {
	return Budgets{
		GuessesPerCode: 5, WrongGuessesPerAddressHour: 30,
		MailsPerAddressBurst: 5, MailsPerAddressMinute: 1, MailsPerAddressHour: 20,
		NetworkMailsHour: 60, NetworkGuessesHour: 120, MailsHour: 1000, FlowsNetworkHour: 300,
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

// spend takes one from the budget of whose; *TooMany if nothing is left.
func (e *Engine) spend(tx storage.Tx, b budget, whose string, now int64) error {
	name, limit := e.name(b, whose), int64(b.limit)
	var err error
	if b.refill > 0 {
		err = tx.SpendBucket(name, limit, b.refill.Microseconds(), now)
	} else {
		err = tx.SpendBudget(name, limit, b.window.Microseconds(), now)
	}
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, storage.ErrSpent):
		return fmt.Errorf("spend budget of %s: %w", b.slows, err)
	}
	_, at, err := tx.BudgetLeft(name, 0, now)
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

// refund gives back what the owner of an address used up on the way in: all that hangs on the address, for nobody else
// gets this far with it, and one of each that is shared with others. typed: by a code, so that a guess was spent.
func (e *Engine) refund(tx storage.Tx, v Visitor, address string, typed bool) error {
	b := e.cfg.Budgets
	for _, own := range []budget{b.guesses(), b.burst(), b.mails()} {
		if err := tx.RefundBudget(e.name(own, address)); err != nil {
			return fmt.Errorf("refund budget of %s: %w", own.slows, err)
		}
	}
	shared := []string{e.name(b.flows(), v.Network), e.name(b.networkMails(), v.Network), e.name(b.allMails(), "")}
	if typed {
		shared = append(shared, e.name(b.networkGuesses(), v.Network))
	}
	for _, name := range shared {
		if err := tx.ReturnBudget(name); err != nil {
			return fmt.Errorf("refund budget: %w", err)
		}
	}
	return nil
}
