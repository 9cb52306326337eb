package authn

import (
	"errors"
	"fmt"
	"time"
)

// Why a sign-in did not go on. Wrong answer, blocked person and closed sign-up are one reason: from outside they must not differ.
var (
	ErrFlowGone      = errors.New("no such sign-in in this browser, or its time is over")
	ErrFlowDone      = errors.New("this sign-in has ended already")
	ErrNotAnswer     = errors.New("not the form of a code")
	ErrWrongAnswer   = errors.New("wrong answer")
	ErrCodeGone      = errors.New("the code cannot be used any more")
	ErrLinkGone      = errors.New("not a link of a live sign-in")
	ErrTooMany       = errors.New("a budget is used up")
	ErrSignIn        = errors.New("a fresh sign-in is needed")
	ErrSetUpGone     = errors.New("no such set-up link, or its time is over")
	ErrSetUpDone     = errors.New("there is an admin already")
	ErrBadAddress    = errors.New("not an e-mail address")
	ErrBadIdentifier = errors.New("nobody signs in here with what was typed")
	ErrTaken         = errors.New("somebody has this address already")
	ErrUsernameTaken = errors.New("somebody has this username already")
	ErrHasAddress    = errors.New("the person has this address already")
	ErrManyAddresses = errors.New("the person has as many addresses as fit")
	ErrNoAddress     = errors.New("the person has no such address, or it is not proven")
	ErrPrimary       = errors.New("the primary address cannot be removed")
	ErrLastOwner     = errors.New("the last owner cannot be removed")
	ErrHopeless      = errors.New("trying again would not help")
	ErrNoUser        = errors.New("there is no such person")
	ErrSignUpClosed  = errors.New("nobody may make an account by themselves")
	ErrDomain        = errors.New("nobody may make an account with an address of that domain")
	ErrNoInvitation  = errors.New("no such invitation, or its time is over")
	ErrInviteUsed    = errors.New("the invitation was used")
	ErrInvitedRole   = errors.New("only an invitation to one address can give a role")
	ErrInvitedUses   = errors.New("an invitation to one address is used once")
	ErrNotWaiting    = errors.New("no sign-up waits for a code")
	ErrUnconfirmed   = errors.New("the sign-up has not brought its code yet")
	ErrNoGroup       = errors.New("there is no such group")
	ErrGroupName     = errors.New("not a name for a group")
	ErrPasskeyGone   = errors.New("nobody asked for this passkey here, or its time is over")
	ErrNoPasskey     = errors.New("there is no such passkey")
	ErrPasskey       = errors.New("the passkey proves nothing")
	ErrNotEnrolled   = errors.New("the person has not set that up")
	ErrNoSetUp       = errors.New("nothing of that kind is being set up here, or its time is over")
)

// Why a password, or a change of one, did not go on.
var (
	ErrBusy            = errors.New("too many passwords are being checked at once")
	ErrNotHere         = errors.New("this is no way to sign in here")
	ErrWeakPassword    = errors.New("the password is refused")
	ErrNoPassword      = errors.New("the person has no password")
	ErrBadHash         = errors.New("not a hash that can be checked here")
	ErrLastWayIn       = errors.New("nobody can remove their last way in")
	ErrPasswordExpired = errors.New("the password is right and has ended: another has to be chosen by a mailed code")
	ErrSamePassword    = errors.New("the temporary password cannot be kept")
)

// TooMany is ErrTooMany with what is used up, and when it will work again.
type TooMany struct {
	Budget string        // one of the Budget names
	Wait   time.Duration // until the next try can succeed
}

// What a budget slows down.
const (
	BudgetGuesses              = "guesses"                // codes for this address, and its passwords
	BudgetMails                = "mails"                  // mails to this address
	BudgetNetworkMails         = "network_mails"          // mails asked for by this network
	BudgetNetworkGuesses       = "network_guesses"        // codes and passwords tried by this network
	BudgetNetworkFlows         = "network_flows"          // sign-ins begun by this network
	BudgetNetworkDevices       = "network_devices"        // device codes handed out to this network
	BudgetNetworkRegistrations = "network_registrations"  // applications that this network registers
	BudgetUsernames            = "usernames"              // that a person tries for themselves
	BudgetNetworkUsernames     = "network_usernames"      // likewise, of all in a network
	BudgetRegistrations        = "registrations"          // applications that register themselves, of the whole server
	BudgetNetworkDocuments     = "network_documents"      // documents about applications that this network has us read
	BudgetDocuments            = "documents"              // documents about applications that are not known yet, of the whole server
	BudgetDevices              = "devices"                // device codes of the whole server
	BudgetNetworkDeviceGuesses = "network_device_guesses" // user codes typed by this network
	BudgetDeviceGuesses        = "device_guesses"         // wrong user codes of the whole server
	BudgetNetworkPushed        = "network_pushed"         // requests that clients without a secret push from this network
	BudgetPictures             = "pictures"               // that this person sends
	BudgetAllMails             = "all_mails"              // mails of the whole server
	BudgetSecondFactor         = "second_factor"          // answers to a second factor of this person, in an hour
	BudgetNotices              = "notices"                // mails about changes to this person's account
	BudgetSecondFactorDay      = "second_factor_day"      // likewise, in a day
)

// Error implements error.
func (t *TooMany) Error() string {
	return fmt.Sprintf("the budget of %s is used up for %s", t.Budget, t.Wait.Round(time.Second))
}

// Is makes errors.Is(err, ErrTooMany) true.
func (t *TooMany) Is(target error) bool { return target == ErrTooMany }

// WrongAnswer is ErrWrongAnswer with the number of tries the code has left.
type WrongAnswer struct{ Left int }

// Error implements error.
func (w *WrongAnswer) Error() string { return fmt.Sprintf("wrong answer, %d tries left", w.Left) }

// Is makes errors.Is(err, ErrWrongAnswer) true.
func (w *WrongAnswer) Is(target error) bool { return target == ErrWrongAnswer }

// CodeGone is ErrCodeGone with how the code came to its end.
type CodeGone struct{ Why Gone }

// Gone is how a code came to its end.
type Gone int

// The ends of a code.
const (
	GoneExpired Gone = iota + 1 // its time is over
	GoneSpent                   // it was used
	GoneTries                   // it was guessed at too often
	GoneNever                   // none was sent yet
)

// Error implements error.
func (c *CodeGone) Error() string {
	return "the code " + map[Gone]string{GoneExpired: "has expired", GoneSpent: "was used", GoneTries: "was tried too often", GoneNever: "was never sent"}[c.Why]
}

// Is makes errors.Is(err, ErrCodeGone) true.
func (c *CodeGone) Is(target error) bool { return target == ErrCodeGone }

// PasskeyError is ErrPasskey with what became of a passkey.
type PasskeyError struct {
	Reason     PasskeyReason
	Detail     string // for the log
	Credential []byte // id of an unknown one, so that its authenticator can be told
}

// PasskeyReason is why a passkey proves nothing, or could not be made.
type PasskeyReason int

// The reasons.
const (
	PasskeyRefused PasskeyReason = iota // whatever it was, trying again may help
	PasskeyUnknown                      // nobody has it here: it was removed
	PasskeyTaken                        // to be made: there is one with its id
	PasskeyFull                         // to be made: the person has as many as anybody can have
)

// Error implements error.
func (p *PasskeyError) Error() string { return "passkey refused: " + p.Detail }

// Is makes errors.Is(err, ErrPasskey) true.
func (p *PasskeyError) Is(target error) bool { return target == ErrPasskey }

func refusePasskey(detail string) error { return &PasskeyError{Detail: detail} }
