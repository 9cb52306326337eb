package views

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/a-h/templ"

	"gatelatch/views/words"
)

// state is one page in one state: what golden files, the gallery and the checks of every page run over.
type state struct {
	name  string
	class PageClass
	page  func(Frame) templ.Component
}

var noon = time.Date(2026, 11, 20, 14, 31, 7, 0, time.UTC)

// bookstore is the frame of a visitor who came from an app.
func bookstore(c *words.Catalogue) Frame {
	return Frame{Words: c, AppName: "Bookstore", Host: "id.bookstore.example", Here: "/sign-in?flow=f1",
		PrivacyURL: "https://bookstore.example/privacy", HelpURL: "https://bookstore.example/help"}
}

// own is the frame of a page that belongs to no app, on a developer's machine.
func own(f Frame) Frame {
	return Frame{Words: f.Words, Host: "localhost:4283", Here: f.Here}
}

func code(f Frame, change func(*CodePage)) templ.Component {
	p := CodePage{Frame: f, State: CodeFresh, Flow: "f1", Address: "ann@example.com", Digits: 6, Minutes: 10, ResendIn: 30}
	change(&p)
	return EnterCode(p)
}

func second(f Frame, change func(*SecondFactorPage)) templ.Component {
	f.Here = "/sign-in/second-factor?flow=f1"
	p := SecondFactorPage{Frame: f, State: SecondFresh, Flow: "f1", Who: "ann@example.com", Way: FactorTOTP, TrustDays: 30, Others: []OtherWay{{FactorCode, SecondFactorURL("f1", FactorCode)}, {FactorRecovery, SecondFactorURL("f1", FactorRecovery)}}}
	change(&p)
	return SecondFactor(p)
}

func recovering(p *SecondFactorPage) {
	p.Way, p.Others = FactorRecovery, []OtherWay{{FactorTOTP, SecondFactorURL("f1", FactorTOTP)}}
}

func mailed(p *SecondFactorPage) {
	p.Way, p.Address, p.Others = FactorCode, "a\u2022\u2022\u2022@example.com", []OtherWay{{FactorTOTP, SecondFactorURL("f1", FactorTOTP)}}
}

func authenticator(f Frame, change func(*AuthenticatorPage)) templ.Component {
	f.Here = "/sign-in/protect?flow=f1"
	p := AuthenticatorPage{Frame: f, Action: "/sign-in/protect/totp", Fields: []Field{{"flow", "f1"}}, Key: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
		URI: "otpauth://totp/id.bookstore.example:ann@example.com?algorithm=SHA1&digits=6&issuer=id.bookstore.example&period=30&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"}
	change(&p)
	return Authenticator(p)
}

func fault(f Frame, kind ErrorKind) templ.Component {
	again := ""
	if kind == ErrorTooMany || kind == ErrorUnavailable || kind == ErrorServer {
		again = "/oidc/authorize?client_id=b"
	}
	other := ""
	if kind == ErrorNoAccess {
		other = "/sign-in?flow=f1&other=1"
	}
	return Error(ErrorPage{Frame: f, Kind: kind, HomeURL: "https://bookstore.example/", AgainURL: again, OtherURL: other, Minutes: 1,
		SeenURL: "http://192.168.1.5:4283", WantedURL: "https://id.bookstore.example",
		Reference: Reference{"GL-7F3K-22Q1", noon}})
}

// mend is the page of an administrator.
func mend(f Frame, change func(*RepairPage)) templ.Component {
	f.Here = "/repair?flow=f1"
	p := RepairPage{Frame: f, Action: "/repair", Fields: []Field{{"flow", "f1"}, {"session", "s1"}}, ClientID: "bookstore-k4m2", Received: "http://localhost:3000/logto/sign-in-callback",
		Nearest: "http://localhost:3000/callback", Registered: 2, SameOrigin: true, Reference: Reference{"GL-7F3K-22Q1", noon}}
	change(&p)
	return Repair(p)
}

func elsewhere(p *RepairPage) {
	p.Received, p.SameOrigin, p.StrangeHost = "https://shop.example/callback", false, "shop.example"
}

var (
	askPasskey  = PasskeySignIn{Ask: &PasskeyAsk{Action: "/sign-in/passkey", Flow: "f1", Options: `{"challenge":"AAEC","rpId":"id.bookstore.example"}`, Again: "/sign-in/passkey?flow=f1"}}
	makePasskey = PasskeyAsk{Action: "/sign-in/passkey-offer", Flow: "f1", Options: `{"challenge":"AAEC","rp":{"id":"id.bookstore.example"}}`, Again: "/sign-in/passkey-offer/options?flow=f1"}
)

var laptopPasskey = AccountPasskey{ID: "p1", Name: "iCloud Keychain", Made: noon, MadeOn: "Safari (Mac)", Used: noon, UsedOn: "Safari (iPhone)", Synced: true}

var ann = Person{Name: "Ann Example", Address: "ann@example.com"}

// Names and addresses as long as some are.
var (
	long    = Person{Name: "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh Cholmondeley", Address: "a.very.long.address.that.does.not.end.soon@subdomain.of.a.long.example.com"}
	longApp = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
)

var everyProvider = []Provider{{"google", "google", "Google"}, {"apple", "apple", "Apple"}, {"microsoft", "microsoft", "Microsoft"}, {"github", "github", "GitHub"}, {"gitlab", "gitlab", "GitLab"},
	{"discord", "discord", "Discord"}, {"facebook", "facebook", "Facebook"}, {"amazon", "amazon", "Amazon"}, {"staff", "oidc", "Staff of Bookstore"}}

var states = []state{
	{"sign-in", PageMayLeave, func(f Frame) templ.Component { return SignIn(SignInPage{Frame: f, Flow: "f1", SignUp: SignUpOpen}) }},
	{"sign-up", PageMayLeave, func(f Frame) templ.Component {
		return SignIn(SignInPage{Frame: f, Flow: "f1", SignUp: SignUpOpen, SigningUp: true})
	}},
	{"sign-in-closed", PageMayLeave, func(f Frame) templ.Component {
		return SignIn(SignInPage{Frame: f, Flow: "f1", Email: "ann@example.com"})
	}},
	{"sign-in-error", PageMayLeave, func(f Frame) templ.Component {
		return SignIn(SignInPage{Frame: f, Flow: "f1", SignUp: SignUpOpen, Email: "ann@bookstore", BadAddress: true})
	}},
	{"sign-in-both", PageMayLeave, func(f Frame) templ.Component {
		return SignIn(SignInPage{Frame: f, Flow: "f1", SignUp: SignUpOpen, Identifiers: IdentifiersBoth})
	}},
	{"sign-in-both-error", PageMayLeave, func(f Frame) templ.Component {
		return SignIn(SignInPage{Frame: f, Flow: "f1", Identifiers: IdentifiersBoth, Email: "ann@", BadAddress: true})
	}},
	{"sign-in-username", PageMayLeave, func(f Frame) templ.Component {
		return SignIn(SignInPage{Frame: f, Flow: "f1", SignUp: SignUpOpen, Identifiers: IdentifiersUsername, AddressURL: "/sign-in?flow=f1&by=address"})
	}},
	{"sign-in-username-error", PageMayLeave, func(f Frame) templ.Component {
		return SignIn(SignInPage{Frame: f, Flow: "f1", Identifiers: IdentifiersUsername, Password: true, Code: true, Email: "ann@example.com", BadAddress: true, AddressURL: "/sign-in?flow=f1&by=address"})
	}},
	{"sign-in-by-address", PageMayLeave, func(f Frame) templ.Component {
		return SignIn(SignInPage{Frame: f, Flow: "f1", SignUp: SignUpOpen, Identifiers: IdentifiersEmail, BackURL: "/sign-in?flow=f1&by=username"})
	}},
	{"code-username", PageMayLeave, func(f Frame) templ.Component {
		return EnterCode(CodePage{Frame: f, Flow: "f1", Address: "ann.example", Username: "ann.example", Digits: 6, Minutes: 10, ResendIn: 30, Password: true})
	}},
	{"forgot-both", PageMayLeave, func(f Frame) templ.Component {
		return Forgot(ForgotPage{Frame: f, Flow: "f1", Identifiers: IdentifiersBoth})
	}},
	{"sign-in-providers", PageMayLeave, func(f Frame) templ.Component {
		return SignIn(SignInPage{Frame: f, Flow: "f1", SignUp: SignUpOpen, Providers: everyProvider})
	}},
	{"sign-in-provider-refused", PageMayLeave, func(f Frame) templ.Component {
		return SignIn(SignInPage{Frame: f, Flow: "f1", Providers: everyProvider[:2], Note: ProviderRefused, NoteFrom: "Google"})
	}},
	{"sign-in-provider-failed", PageMayLeave, func(f Frame) templ.Component {
		return SignIn(SignInPage{Frame: f, Flow: "f1", Providers: everyProvider[:2], Note: ProviderFailed, NoteFrom: "Google"})
	}},
	{"sign-in-provider-no-account", PageMayLeave, func(f Frame) templ.Component {
		return SignIn(SignInPage{Frame: f, Flow: "f1", Providers: everyProvider[:2], Note: ProviderNoAccount, NoteFrom: "Google"})
	}},
	{"sign-in-waiting", PageMayLeave, func(f Frame) templ.Component {
		return SignIn(SignInPage{Frame: f, Flow: "f1", Email: "ann@example.com", Waiting: &WaitingAccount{Provider: everyProvider[3], Label: "ann@example.com"}})
	}},
	{"sign-in-waiting-nameless", PageMayLeave, func(f Frame) templ.Component {
		return SignIn(SignInPage{Frame: f, Flow: "f1", SignUp: SignUpOpen, Waiting: &WaitingAccount{Provider: everyProvider[3]}})
	}},
	{"sign-in-own", PageMayLeave, func(f Frame) templ.Component {
		return SignIn(SignInPage{Frame: own(f), Flow: "f1", SignUp: SignUpOpen})
	}},
	{"sign-in-signed-in", PageMayLeave, func(f Frame) templ.Component {
		return SignIn(SignInPage{Frame: f, Flow: "f1", SignedIn: &ann})
	}},
	{"sign-in-signed-in-error", PageMayLeave, func(f Frame) templ.Component {
		return SignIn(SignInPage{Frame: f, Flow: "f1", SignedIn: &Person{Address: "ann@example.com"}, Email: "bob", BadAddress: true})
	}},
	{"sign-in-long", PageMayLeave, func(f Frame) templ.Component {
		f.AppName, f.Host = longApp, "sign-in.of.a.town.with.a.long.name.and.many.departments.example"
		return SignIn(SignInPage{Frame: f, Flow: "f1", SignedIn: &long, Providers: []Provider{{"staff", "oidc", longApp}}})
	}},
	{"code-long", PageMayLeave, func(f Frame) templ.Component {
		return code(f, func(p *CodePage) { p.Address = long.Address })
	}},
	{"sign-in-passkey", PageMayLeave, func(f Frame) templ.Component {
		return SignIn(SignInPage{Frame: f, Flow: "f1", SignUp: SignUpOpen, Passkey: askPasskey})
	}},
	{"sign-in-passkey-unknown", PageMayLeave, func(f Frame) templ.Component {
		p := askPasskey
		p.Trouble, p.Forget = PasskeyUnknown, `{"rpId":"id.bookstore.example","credentialId":"AAEC"}`
		return SignIn(SignInPage{Frame: f, Flow: "f1", SignUp: SignUpOpen, Passkey: p})
	}},
	{"sign-in-passkey-signed-in", PageMayLeave, func(f Frame) templ.Component {
		return SignIn(SignInPage{Frame: f, Flow: "f1", SignedIn: &ann, Passkey: askPasskey})
	}},
	{"sign-in-passkey-no-https", PageMayLeave, func(f Frame) templ.Component {
		return SignIn(SignInPage{Frame: f, Flow: "f1", Passkey: PasskeySignIn{NeedsHTTPS: true}})
	}},
	{"passkey-offer", PageMayLeave, func(f Frame) templ.Component {
		return PasskeyOffer(PasskeyOfferPage{Frame: f, Ask: makePasskey, Trouble: PasskeyFine, GoOnURL: "/oidc/resume?flow=f1"})
	}},
	{"passkey-offer-failed", PageMayLeave, func(f Frame) templ.Component {
		return PasskeyOffer(PasskeyOfferPage{Frame: f, Ask: makePasskey, Trouble: PasskeyFailed, GoOnURL: "/oidc/resume?flow=f1"})
	}},
	{"passkey-offer-late", PageMayLeave, func(f Frame) templ.Component {
		return PasskeyOffer(PasskeyOfferPage{Frame: f, Ask: makePasskey, Trouble: PasskeyLate, GoOnURL: "/oidc/resume?flow=f1"})
	}},
	{"passkey-offer-full", PageMayLeave, func(f Frame) templ.Component {
		return PasskeyOffer(PasskeyOfferPage{Frame: f, Ask: makePasskey, Trouble: PasskeyFull, GoOnURL: "/oidc/resume?flow=f1"})
	}},
	{"passkey-made", PageMayLeave, func(f Frame) templ.Component {
		return PasskeyMade(PasskeyMadePage{Frame: f, Name: "iCloud Keychain", GoOnURL: "/oidc/resume?flow=f1"})
	}},
	{"passkey-made-nameless", PageMayLeave, func(f Frame) templ.Component {
		return PasskeyMade(PasskeyMadePage{Frame: own(f), GoOnURL: "/sign-in"})
	}},
	{"second-factor-passkey", PageMayLeave, func(f Frame) templ.Component {
		p := askPasskey
		p.Alone = true
		return SecondFactor(SecondFactorPage{Frame: f, Flow: "f1", Way: FactorPasskey, Who: "ann@example.com", TrustDays: 30, Passkey: p, Others: []OtherWay{{FactorTOTP, SecondFactorURL("f1", FactorTOTP)}}})
	}},
	{"second-factor-passkey-failed", PageMayLeave, func(f Frame) templ.Component {
		p := askPasskey
		p.Alone, p.Trouble = true, PasskeyFailed
		return SecondFactor(SecondFactorPage{Frame: f, Flow: "f1", Way: FactorPasskey, Passkey: p})
	}},
	{"protect-passkey", PageMayLeave, func(f Frame) templ.Component {
		return Protect(ProtectPage{Frame: f, Flow: "f1", Who: "ann@example.com", Ways: []Factor{FactorPasskey}, Passkey: makePasskey})
	}},
	{"protect-either", PageMayLeave, func(f Frame) templ.Component {
		return Protect(ProtectPage{Frame: own(f), Flow: "f1", Ways: []Factor{FactorTOTP, FactorPasskey}, Passkey: makePasskey, Trouble: PasskeyTaken})
	}},
	{"account-passkey", PageStays, func(f Frame) templ.Component {
		return Passkey(PasskeyPage{Frame: own(f), Passkey: laptopPasskey})
	}},
	{"account-passkey-bad-name", PageStays, func(f Frame) templ.Component {
		return Passkey(PasskeyPage{Frame: own(f), Passkey: AccountPasskey{ID: "p2", Made: noon}, BadName: true})
	}},
	{"account-passkey-last", PageStays, func(f Frame) templ.Component {
		return Passkey(PasskeyPage{Frame: own(f), Passkey: laptopPasskey, Last: true})
	}},
	{"code", PageMayLeave, func(f Frame) templ.Component { return code(f, func(*CodePage) {}) }},
	{"code-inbox", PageMayLeave, func(f Frame) templ.Component {
		return code(f, func(p *CodePage) { p.InboxURL, p.ResendIn = "/inbox", 0 })
	}},
	{"code-wrong", PageMayLeave, func(f Frame) templ.Component {
		return code(f, func(p *CodePage) {
			p.State, p.Code, p.TriesLeft, p.ResendIn, p.Device = CodeWrong, "482 019", 3, 0, true
		})
	}},
	{"code-wrong-one-left", PageMayLeave, func(f Frame) templ.Component {
		return code(f, func(p *CodePage) { p.State, p.Code, p.TriesLeft, p.ResendIn = CodeWrong, "482019", 1, 0 })
	}},
	{"code-wrong-none-left", PageMayLeave, func(f Frame) templ.Component {
		return code(f, func(p *CodePage) { p.State, p.Code, p.ResendIn = CodeWrong, "482019", 0 })
	}},
	{"code-length", PageMayLeave, func(f Frame) templ.Component {
		return code(f, func(p *CodePage) { p.State, p.Code, p.ResendIn = CodeWrongLength, "4820", 0 })
	}},
	{"code-used", PageMayLeave, func(f Frame) templ.Component {
		return code(f, func(p *CodePage) { p.State, p.Code, p.ResendIn = CodeUsed, "482019", 0 })
	}},
	{"code-expired", PageMayLeave, func(f Frame) templ.Component { return code(f, func(p *CodePage) { p.State = CodeExpired }) }},
	{"code-resent", PageMayLeave, func(f Frame) templ.Component { return code(f, func(p *CodePage) { p.State = CodeResent }) }},
	{"code-too-soon", PageMayLeave, func(f Frame) templ.Component { return code(f, func(p *CodePage) { p.State = CodeTooSoon }) }},
	{"code-not-sent", PageMayLeave, func(f Frame) templ.Component {
		return code(f, func(p *CodePage) { p.State, p.ResendIn = CodeNotSent, 0 })
	}},
	{"second-totp", PageMayLeave, func(f Frame) templ.Component { return second(f, func(*SecondFactorPage) {}) }},
	{"second-totp-wrong", PageMayLeave, func(f Frame) templ.Component {
		return second(f, func(p *SecondFactorPage) { p.State, p.Code, p.TriesLeft, p.Trust = SecondWrong, "482 019", 9, true })
	}},
	{"second-totp-last", PageMayLeave, func(f Frame) templ.Component {
		return second(f, func(p *SecondFactorPage) { p.State, p.Code = SecondWrong, "482019" })
	}},
	{"second-totp-length", PageMayLeave, func(f Frame) templ.Component {
		return second(f, func(p *SecondFactorPage) { p.State, p.Code = SecondMalformed, "4820" })
	}},
	{"second-totp-used", PageMayLeave, func(f Frame) templ.Component {
		return second(f, func(p *SecondFactorPage) { p.State, p.Code = SecondUsed, "482019" })
	}},
	{"second-totp-slowed", PageMayLeave, func(f Frame) templ.Component {
		return second(f, func(p *SecondFactorPage) { p.State, p.Minutes = SecondSlowed, 42 })
	}},
	{"second-totp-own", PageMayLeave, func(f Frame) templ.Component {
		return second(own(f), func(p *SecondFactorPage) { p.Others, p.Who, p.TrustDays = nil, "", 0 })
	}},
	{"second-recovery", PageMayLeave, func(f Frame) templ.Component { return second(f, recovering) }},
	{"second-recovery-length", PageMayLeave, func(f Frame) templ.Component {
		return second(f, func(p *SecondFactorPage) { recovering(p); p.State, p.Code = SecondMalformed, "7kq2-m4xa" })
	}},
	{"second-or-password", PageMayLeave, func(f Frame) templ.Component {
		return second(f, func(p *SecondFactorPage) {
			p.Others = append(p.Others, OtherWay{FactorPassword, "/sign-in/password?flow=f1"})
		})
	}},
	{"second-code", PageMayLeave, func(f Frame) templ.Component { return second(f, mailed) }},
	{"second-code-sent", PageMayLeave, func(f Frame) templ.Component {
		return second(f, func(p *SecondFactorPage) { mailed(p); p.Sent, p.ResendIn, p.State = true, 30, SecondSent })
	}},
	{"second-code-used", PageMayLeave, func(f Frame) templ.Component {
		return second(f, func(p *SecondFactorPage) { mailed(p); p.Sent, p.State = true, SecondUsed })
	}},
	{"second-code-not-sent", PageMayLeave, func(f Frame) templ.Component {
		return second(f, func(p *SecondFactorPage) { mailed(p); p.Sent, p.State = true, SecondNotSent })
	}},
	{"protect", PageMayLeave, func(f Frame) templ.Component {
		return Protect(ProtectPage{Frame: f, Flow: "f1", Who: "ann@example.com", Ways: []Factor{FactorTOTP}})
	}},
	{"protect-own", PageMayLeave, func(f Frame) templ.Component {
		return Protect(ProtectPage{Frame: own(f), Flow: "f1", Ways: []Factor{FactorTOTP}})
	}},
	{"protect-none", PageMayLeave, func(f Frame) templ.Component {
		return Protect(ProtectPage{Frame: f, Flow: "f1", Who: "ann@example.com"})
	}},
	{"authenticator", PageMayLeave, func(f Frame) templ.Component { return authenticator(f, func(*AuthenticatorPage) {}) }},
	{"authenticator-wrong", PageMayLeave, func(f Frame) templ.Component {
		return authenticator(f, func(p *AuthenticatorPage) {
			p.State, p.Code, p.TriesLeft, p.BackURL = SecondWrong, "482019", 9, "/sign-in/protect?flow=f1&choose=1"
		})
	}},
	{"authenticator-slowed", PageMayLeave, func(f Frame) templ.Component {
		return authenticator(f, func(p *AuthenticatorPage) { p.State, p.Minutes = SecondSlowed, 42 })
	}},
	{"authenticator-account", PageStays, func(f Frame) templ.Component {
		return authenticator(own(f), func(p *AuthenticatorPage) { p.Action, p.Fields, p.CancelURL = "/account/totp", nil, "/account#ways" })
	}},
	{"recovery-codes", PageMayLeave, func(f Frame) templ.Component {
		return RecoveryCodes(RecoveryCodesPage{Frame: f, Action: "/sign-in/protect/saved", Fields: []Field{{"flow", "f1"}}, DownloadURL: "/sign-in/protect/codes?flow=f1",
			Codes: []string{"7kq2-m4xa-09zt-hh3e", "f8d1-y2c0-pvnb-6w5r", "a1b2-c3d4-e5f6-g7h8", "j9k0-m1n2-p3q4-r5s6", "t7v8-w9x0-y1z2-a3b4", "c5d6-e7f8-g9h0-j1k2", "m3n4-p5q6-r7s8-t9v0", "w1x2-y3z4-a5b6-c7d8", "e9f0-g1h2-j3k4-m5n6", "p7q8-r9s0-t1v2-w3x4"}})
	}},
	{"throttled", PageMayLeave, func(f Frame) templ.Component {
		return Throttled(ThrottledPage{Frame: f, Flow: "f1", Address: "ann@example.com", Minutes: 15, Reference: Reference{"GL-7F3K-22Q1", noon}})
	}},
	{"throttled-password", PageMayLeave, func(f Frame) templ.Component {
		return Throttled(ThrottledPage{Frame: f, Flow: "f1", Address: "ann@example.com", Minutes: 15, Guessed: true, Code: true, Reference: Reference{"GL-7F3K-22Q1", noon}})
	}},
	{"throttled-password-alone", PageMayLeave, func(f Frame) templ.Component {
		return Throttled(ThrottledPage{Frame: f, Flow: "f1", Address: "ann", Minutes: 15, Guessed: true, Reference: Reference{"GL-7F3K-22Q1", noon}})
	}},
	{"sign-in-password", PageMayLeave, func(f Frame) templ.Component {
		return SignIn(SignInPage{Frame: f, Flow: "f1", Password: true, Code: true})
	}},
	{"sign-in-password-wrong", PageMayLeave, func(f Frame) templ.Component {
		return SignIn(SignInPage{Frame: f, Flow: "f1", Password: true, Email: "ann", Wrong: true, Device: true})
	}},
	{"password", PageMayLeave, func(f Frame) templ.Component {
		return EnterPassword(PasswordPage{Frame: f, Flow: "f1", Identifier: "ann@example.com", Code: true})
	}},
	{"password-wrong", PageMayLeave, func(f Frame) templ.Component {
		return EnterPassword(PasswordPage{Frame: f, Flow: "f1", Identifier: "ann@example.com", Wrong: true, Code: true, Device: true})
	}},
	{"password-changed", PageMayLeave, func(f Frame) templ.Component {
		return EnterPassword(PasswordPage{Frame: f, Flow: "f1", Identifier: "ann@example.com", Changed: true})
	}},
	{"forgot", PageMayLeave, func(f Frame) templ.Component { return Forgot(ForgotPage{Frame: f, Flow: "f1"}) }},
	{"forgot-error", PageMayLeave, func(f Frame) templ.Component {
		return Forgot(ForgotPage{Frame: f, Flow: "f1", Email: "ann", BadAddress: true})
	}},
	{"new-password", PageMayLeave, func(f Frame) templ.Component {
		return ChooseNewPassword(NewPasswordPage{Frame: f, Flow: "f1", Address: "ann@example.com", NewPassword: NewPassword{Least: 15, Most: 256, Problem: PasswordFine}})
	}},
	{"new-password-short", PageMayLeave, func(f Frame) templ.Component {
		return ChooseNewPassword(NewPasswordPage{Frame: f, Flow: "f1", Address: "ann@example.com", NewPassword: NewPassword{Least: 15, Most: 256, Problem: PasswordShort}})
	}},
	{"new-password-personal", PageMayLeave, func(f Frame) templ.Component {
		return ChooseNewPassword(NewPasswordPage{Frame: f, Flow: "f1", Address: "ann@example.com", NewPassword: NewPassword{Least: 8, Most: 256, Problem: PasswordPersonal}})
	}},
	{"new-password-long", PageMayLeave, func(f Frame) templ.Component {
		return ChooseNewPassword(NewPasswordPage{Frame: f, Flow: "f1", Address: "ann@example.com", NewPassword: NewPassword{Least: 15, Most: 256, Problem: PasswordLong}})
	}},
	{"new-password-leaked", PageMayLeave, func(f Frame) templ.Component {
		return ChooseNewPassword(NewPasswordPage{Frame: f, Flow: "f1", Address: "ann@example.com", NewPassword: NewPassword{Least: 15, Most: 256, Problem: PasswordLeaked}})
	}},
	{"new-password-same", PageMayLeave, func(f Frame) templ.Component {
		return ChooseNewPassword(NewPasswordPage{Frame: f, Flow: "f1", Address: "ann@example.com", NewPassword: NewPassword{Least: 15, Most: 256, Problem: PasswordSame}})
	}},
	{"code-or-password", PageMayLeave, func(f Frame) templ.Component {
		return code(f, func(p *CodePage) { p.Password = true })
	}},
	{"link-reset", PageMayLeave, func(f Frame) templ.Component {
		return Link(LinkPage{Frame: f, Flow: "f1", Token: "t0k3n", Address: "ann@example.com", Reset: true})
	}},
	{"link", PageMayLeave, func(f Frame) templ.Component {
		return Link(LinkPage{Frame: f, Flow: "f1", Token: "t0k3n", Address: "ann@example.com"})
	}},
	{"link-elsewhere", PageStays, func(f Frame) templ.Component { return LinkElsewhere(LinkElsewherePage{Frame: f, Code: "482019"}) }},
	{"link-used", PageMayLeave, func(f Frame) templ.Component {
		return LinkGone(LinkGonePage{Frame: f, Used: true, AgainURL: "https://bookstore.example/"})
	}},
	{"letter", PageMayLeave, func(f Frame) templ.Component {
		f.Here = "/sign-in/letter?t=t1"
		return Letter(LetterPage{Frame: own(f), Token: "t1", Who: "a•••@example.com"})
	}},
	{"letter-code", PageMayLeave, func(f Frame) templ.Component {
		f.Here = "/sign-in/letter"
		return LetterCode(LetterCodePage{Frame: own(f), Digits: 12})
	}},
	{"letter-code-wrong", PageMayLeave, func(f Frame) templ.Component {
		f.Here = "/sign-in/letter"
		return LetterCode(LetterCodePage{Frame: own(f), Digits: 12, State: CodeWrong, Identifier: "ann@example.com", Code: "4829 0173 6652", Device: true})
	}},
	{"not-me", PageStays, func(f Frame) templ.Component {
		f.Here = "/sign-in/not-me?t=t1"
		return NotMe(NotMePage{Frame: own(f), Token: "t1", Kind: "address_primary", At: noon, Device: "Firefox (Linux)", IP: "203.0.113.24", Back: []string{"address_added", "address_primary"}})
	}},
	{"not-me-session", PageStays, func(f Frame) templ.Component {
		return NotMe(NotMePage{Frame: own(f), Token: "t1", Kind: "new_device", At: noon, IP: "2001:db8::7"})
	}},
	{"not-me-done", PageMayLeave, func(f Frame) templ.Component { return Denied(DeniedPage{Frame: own(f), OnURL: "/sign-in"}) }},
	{"not-me-mailed", PageMayLeave, func(f Frame) templ.Component {
		return Denied(DeniedPage{Frame: own(f), Mailed: true, OnURL: "/sign-in/code?flow=f1"})
	}},
	{"link-old", PageMayLeave, func(f Frame) templ.Component { return LinkGone(LinkGonePage{Frame: own(f), AgainURL: "/sign-in"}) }},
	{"set-up", PageStays, func(f Frame) templ.Component { return SetUp(SetUpPage{Frame: own(f), Token: "t0k3n"}) }},
	{"set-up-public", PageStays, func(f Frame) templ.Component {
		return SetUp(SetUpPage{Frame: own(f), Token: "t0k3n", AskSignUp: true, SignUp: SignUpClosed})
	}},
	{"set-up-error", PageStays, func(f Frame) templ.Component {
		return SetUp(SetUpPage{Frame: own(f), Token: "t0k3n", AskSignUp: true, SignUp: SignUpUnanswered, Email: "ann@", NameMissing: true, BadAddress: true, SignUpMissing: true})
	}},
	{"sign-in-invite", PageMayLeave, func(f Frame) templ.Component { return SignIn(SignInPage{Frame: f, Flow: "f1", SignUp: SignUpInvite}) }},
	{"invitation", PageMayLeave, func(f Frame) templ.Component {
		return Invitation(InvitationPage{Frame: own(f), Token: "t1", Host: "id.bookstore.example", Address: "ann@example.com"})
	}},
	{"invitation-link", PageMayLeave, func(f Frame) templ.Component {
		return Invitation(InvitationPage{Frame: own(f), Token: "t1", Host: "id.bookstore.example"})
	}},
	{"invitation-used", PageStays, func(f Frame) templ.Component { return InvitationGone(InvitationGonePage{Frame: own(f), Used: true}) }},
	{"invitation-gone", PageStays, func(f Frame) templ.Component { return InvitationGone(InvitationGonePage{Frame: own(f)}) }},
	{"details", PageMayLeave, func(f Frame) templ.Component {
		return Details(DetailsPage{Frame: f, Flow: "f1", Who: "ann@example.com", New: true, Documents: []DocumentLink{{"terms", "https://bookstore.example/terms"}, {"privacy", "https://bookstore.example/privacy"}},
			Fields: []DetailField{{Name: "given_name", Type: "text", Required: true}, {Name: "company", Label: "Company <b>", Type: "text"}, {Name: "seats", Label: "Seats", Type: "number", Once: true},
				{Name: "size", Label: "Size", Type: "choice", Choices: []DetailChoice{{"s", "Small"}, {"l", "Large"}}}, {Name: "news", Label: "News by mail", Type: "boolean"}, {Name: "since", Label: "Customer since", Type: "date"}}})
	}},
	{"details-wrong", PageMayLeave, func(f Frame) templ.Component {
		return Details(DetailsPage{Frame: f, Flow: "f1", Who: "ann@example.com", Unaccepted: true, Documents: []DocumentLink{{"terms", "https://bookstore.example/terms"}},
			Fields: []DetailField{{Name: "given_name", Type: "text", Required: true, Missing: true}, {Name: "seats", Label: "Seats", Type: "number", Value: "many", Bad: true},
				{Name: "since", Label: "Customer since", Type: "date", Value: "soon", Bad: true}, {Name: "website", Type: "text", Value: "http://a", Bad: true}}})
	}},
	{"details-username", PageMayLeave, func(f Frame) templ.Component {
		return Details(DetailsPage{Frame: f, Flow: "f1", Who: "ann@example.com", New: true, Username: &UsernameField{Value: "ann", Problem: UsernameFine}})
	}},
	{"details-username-taken", PageMayLeave, func(f Frame) templ.Component {
		return Details(DetailsPage{Frame: f, Flow: "f1", Who: "ann@example.com", New: true, Username: &UsernameField{Value: "bob", Problem: UsernameTaken},
			Fields: []DetailField{{Name: "given_name", Type: "text", Required: true, Value: "Ann"}}})
	}},
	{"details-username-many", PageMayLeave, func(f Frame) templ.Component {
		return Details(DetailsPage{Frame: f, Flow: "f1", Who: "ann@example.com", New: true, Username: &UsernameField{Value: "bob", Problem: UsernameMany}})
	}},
	{"account-username", PageStays, func(f Frame) templ.Component {
		return account(f, func(p *AccountPage) {
			p.Panels = []Panel{accountProfile(f, func(a *AccountProfile) { a.Rename = &UsernameField{Value: "-ann", Problem: UsernameBad} })}
		})
	}},
	{"details-accept", PageMayLeave, func(f Frame) templ.Component {
		return Details(DetailsPage{Frame: own(f), Flow: "f1", Who: "ann@example.com", Documents: []DocumentLink{{"privacy", "https://bookstore.example/privacy"}}})
	}},
	{"set-up-old", PageStays, func(f Frame) templ.Component { return SetUpGone(SetUpGonePage{Frame: own(f)}) }},
	{"set-up-done", PageStays, func(f Frame) templ.Component { return SetUpGone(SetUpGonePage{Frame: own(f), Done: true}) }},
	{"landing", PageMayLeave, func(f Frame) templ.Component {
		return Landing(LandingPage{Frame: own(f), Person: ann, SignOutURL: "/oidc/logout"})
	}},
	{"landing-admin", PageMayLeave, func(f Frame) templ.Component {
		return Landing(LandingPage{Frame: own(f), Person: ann, Admin: true, SignOutURL: "/oidc/logout"})
	}},
	{"sign-out", PageMayLeave, func(f Frame) templ.Component {
		return SignOut(SignOutPage{Frame: f, Address: "ann@example.com", Action: "/oidc/logout", Fields: []Field{{"request", "r1"}}, StayURL: "https://bookstore.example/"})
	}},
	{"sign-out-own", PageMayLeave, func(f Frame) templ.Component { return SignOut(SignOutPage{Frame: own(f), Action: "/oidc/logout"}) }},
	{"signed-out", PageStays, func(f Frame) templ.Component {
		return SignedOut(SignedOutPage{Frame: f, HomeURL: "https://bookstore.example/", SignInURL: "/sign-in"})
	}},
	{"signed-out-apps", PageStays, func(f Frame) templ.Component {
		return SignedOut(SignedOutPage{Frame: own(f), SignInURL: "/sign-in", Apps: []string{"Bookstore", "Reading Room"}})
	}},
	{"form-post", PageMayLeave, func(f Frame) templ.Component {
		return FormPost(FormPostPage{Frame: f, Action: "https://bookstore.example/callback", Fields: []Field{{"code", "c1"}, {"state", "s1"}}})
	}},
	{"error-redirect", PageStays, func(f Frame) templ.Component { return fault(f, ErrorRedirect) }},
	{"error-redirect-own", PageStays, func(f Frame) templ.Component { return fault(own(f), ErrorRedirect) }},
	{"error-redirect-administrator", PageStays, func(f Frame) templ.Component {
		return Error(ErrorPage{Frame: f, Kind: ErrorRedirect, HomeURL: "https://bookstore.example/", RepairURL: "/sign-in?flow=f1", Reference: Reference{"GL-7F3K-22Q1", noon}})
	}},
	{"repair", PageMayLeave, func(f Frame) templ.Component { return mend(f, func(*RepairPage) {}) }},
	{"repair-slash", PageMayLeave, func(f Frame) templ.Component {
		return mend(f, func(p *RepairPage) { p.Received = p.Nearest + "/" })
	}},
	{"repair-port", PageMayLeave, func(f Frame) templ.Component {
		return mend(f, func(p *RepairPage) {
			p.Received, p.SameOrigin, p.Registered = "http://localhost:3001/callback", false, 1
		})
	}},
	{"repair-sign-out", PageMayLeave, func(f Frame) templ.Component { return mend(f, func(p *RepairPage) { p.SignOut = true }) }},
	{"repair-host", PageMayLeave, func(f Frame) templ.Component { return mend(f, elsewhere) }},
	{"repair-confirm", PageMayLeave, func(f Frame) templ.Component {
		return mend(f, func(p *RepairPage) { elsewhere(p); p.Confirm = true })
	}},
	{"repair-against", PageMayLeave, func(f Frame) templ.Component {
		return mend(f, func(p *RepairPage) {
			elsewhere(p)
			p.Received, p.Against = "http://shop.example/callback", "It is plain http, so everybody on the way could read the code in it. Use https."
		})
	}},
	{"repair-nothing", PageMayLeave, func(f Frame) templ.Component {
		return mend(f, func(p *RepairPage) {
			p.Received, p.Nearest, p.Registered, p.SameOrigin, p.Against = "", "", 0, false, "It is empty."
		})
	}},
	{"repair-declared", PageMayLeave, func(f Frame) templ.Component {
		return mend(f, func(p *RepairPage) { p.Declared = true })
	}},
	{"error-client", PageStays, func(f Frame) templ.Component { return fault(own(f), ErrorClient) }},
	{"error-document", PageStays, func(f Frame) templ.Component {
		p := ErrorPage{Frame: own(f), Kind: ErrorDocument, PublishedAt: "agent.paper.example", Detail: "Not accepted: redirect_uris"}
		p.Reference = Reference{"GL-7F3K-22Q1", noon}
		return Error(p)
	}},
	{"error-host", PageStays, func(f Frame) templ.Component { return fault(own(f), ErrorHost) }},
	{"error-too-old", PageStays, func(f Frame) templ.Component { return fault(f, ErrorTooOld) }},
	{"error-too-old-own", PageStays, func(f Frame) templ.Component { return fault(own(f), ErrorTooOld) }},
	{"error-other-browser", PageStays, func(f Frame) templ.Component { return fault(f, ErrorOtherBrowser) }},
	{"error-no-access", PageStays, func(f Frame) templ.Component { return fault(f, ErrorNoAccess) }},
	{"error-request", PageStays, func(f Frame) templ.Component { return fault(f, ErrorRequest) }},
	{"error-not-found", PageStays, func(f Frame) templ.Component { return Error(ErrorPage{Frame: own(f), Kind: ErrorNotFound}) }},
	{"error-too-many", PageStays, func(f Frame) templ.Component { return fault(own(f), ErrorTooMany) }},
	{"error-unavailable", PageStays, func(f Frame) templ.Component { return fault(own(f), ErrorUnavailable) }},
	{"error-server", PageStays, func(f Frame) templ.Component { return fault(own(f), ErrorServer) }},
	{"inbox", PageStays, func(f Frame) templ.Component {
		return Inbox(InboxPage{Frame: own(f), OlderURL: "/inbox?before=m3", Messages: []InboxEntry{
			{"m1", "ann@example.com", "482019 is your Bookstore code", "482019", noon},
			{"m2", "a.very.long.address.that.does.not.end@subdomain.of.a.long.example.com", "130577 is your Reading Room code", "130577", noon.Add(-time.Hour)},
			{"m3", "bob@example.com", "Somebody tried to sign in with your address", "", noon.Add(-30 * time.Hour)},
		}})
	}},
	{"consent", PageMayLeave, func(f Frame) templ.Component { return Consent(consentPage(f, func(*ConsentPage) {})) }},
	{"consent-terms", PageMayLeave, func(f Frame) templ.Component {
		return Consent(consentPage(f, func(p *ConsentPage) {
			p.Person, p.PolicyURL, p.TermsURL = Person{Address: "ann@example.com"}, "https://bookstore.example/privacy", "https://bookstore.example/terms"
			p.Scopes = []ConsentScope{{Kind: ScopeIdentity}, {Kind: ScopeAddress, Detail: "1 High Street, Exeter"}, {Kind: ScopePhone, Detail: "+44 1392 000000"}}
		}))
	}},
	{"consent-account", PageMayLeave, func(f Frame) templ.Component {
		return Consent(consentPage(f, func(p *ConsentPage) {
			p.Scopes = []ConsentScope{{Kind: ScopeGroups, Detail: "staff, night shift"}, {Kind: ScopeAccount}, {Kind: ScopeAccountWrite}}
		}))
	}},
	{"consent-unchecked", PageMayLeave, func(f Frame) templ.Component {
		f.AppName = "Paper Agent"
		return Consent(consentPage(f, func(p *ConsentPage) {
			p.Unchecked, p.PublishedAt, p.ReturnHost, p.ReturnHere, p.Days = true, "agent.paper.example", "127.0.0.1", true, 30
			p.Scopes = append(p.Scopes, ConsentScope{Kind: ScopeOther, Title: "Read your orders", Detail: "api.bookstore.example · orders:read"})
		}))
	}},
	{"consent-registered", PageMayLeave, func(f Frame) templ.Component {
		return Consent(consentPage(f, func(p *ConsentPage) {
			p.Unchecked, p.ReturnHost, p.ReturnApp, p.Days = true, "com.example.app", true, 30
		}))
	}},
	{"device", PageMayLeave, func(f Frame) templ.Component {
		return Device(DevicePage{Frame: own(f), Action: "/device", Code: "WDJB-MJHT"})
	}},
	{"device-wrong", PageMayLeave, func(f Frame) templ.Component {
		return Device(DevicePage{Frame: own(f), Action: "/device", Code: "wdjb", Wrong: true})
	}},
	{"device-over", PageMayLeave, func(f Frame) templ.Component { return Device(DevicePage{Frame: own(f), Action: "/device", Over: true}) }},
	{"device-confirm", PageMayLeave, func(f Frame) templ.Component {
		return DeviceConfirm(DeviceConfirmPage{Frame: f, Action: "/device/confirm", Fields: []Field{{"flow", "f1"}}, Code: "WDJB-MJHT", Device: "curl (Linux)", IP: "192.0.2.7", Person: ann})
	}},
	{"device-confirm-unchecked", PageMayLeave, func(f Frame) templ.Component {
		return DeviceConfirm(DeviceConfirmPage{Frame: f, Action: "/device/confirm", Code: "WDJB-MJHT", Person: ann, Unchecked: true, Days: 30,
			Scopes: []ConsentScope{{Kind: ScopeProfile, Detail: "Ann Example"}, {Kind: ScopeOffline}}})
	}},
	{"device-connected", PageStays, func(f Frame) templ.Component { return DeviceDone(DeviceDonePage{Frame: own(f), Connected: true}) }},
	{"device-refused", PageStays, func(f Frame) templ.Component { return DeviceDone(DeviceDonePage{Frame: own(f)}) }},
	{"account-password-set", PageStays, func(f Frame) templ.Component {
		return AccountPassword(AccountPasswordPage{Frame: own(f), Address: "ann@example.com", NewPassword: NewPassword{Least: 15, Most: 256}})
	}},
	{"account-password-change", PageStays, func(f Frame) templ.Component {
		return AccountPassword(AccountPasswordPage{Frame: own(f), Address: "ann@example.com", Has: true, Removable: true, Keep: true, NewPassword: NewPassword{Least: 15, Most: 256, Problem: PasswordCommon}})
	}},
	{"account-password-last", PageStays, func(f Frame) templ.Component {
		return AccountPassword(AccountPasswordPage{Frame: own(f), Address: "ann@example.com", Has: true, Last: true, NewPassword: NewPassword{Least: 8, Most: 256}})
	}},
	{"account", PageStays, func(f Frame) templ.Component { return account(f, func(*AccountPage) {}) }},
	{"account-new", PageStays, func(f Frame) templ.Component {
		return account(f, func(p *AccountPage) {
			p.Owner = AccountOwner{Person: Person{Address: "ann@example.com"}, Hue: 4, Since: noon}
			p.Panels = []Panel{
				AccountWays{Words: f.Words, Count: 1, Ways: []AccountWay{{Kind: WayCode, Title: f.Words.T("account.way_code"), Detail: "ann@example.com", On: true}}}.Panel(),
				accountAddresses(f, func(p *AccountAddresses) { p.Addresses = p.Addresses[:1] }),
				accountDevices(f, func(p *AccountDevices) { p.Devices = p.Devices[:1]; p.Devices[0].Apps = 0 }),
				AccountApps{Words: f.Words}.Panel(),
				accountProfile(f, func(p *AccountProfile) {
					p.Username, p.Locale, p.Fields = "", "", []AccountField{{Name: "name"}, {Name: "zoneinfo"}}
				}),
				AccountActivity{Words: f.Words}.Panel(),
				AccountData{Words: f.Words}.Panel(),
			}
		})
	}},
	{"account-long", PageStays, func(f Frame) templ.Component {
		return account(f, func(p *AccountPage) {
			p.Owner.Person = long
			p.Panels = []Panel{
				AccountWays{Words: f.Words, Count: 1, Ways: []AccountWay{{Kind: WayPasskey, Title: long.Name, Detail: long.Address, On: true}}}.Panel(),
				accountAddresses(f, func(p *AccountAddresses) {
					p.Addresses = []AccountAddress{{Address: long.Address, Primary: true, Proven: true}, {Address: "b" + long.Address}}
				}),
				accountDevices(f, func(p *AccountDevices) { p.Devices[1].Name = long.Name }),
				AccountApps{Words: f.Words, Apps: []AccountApp{{ID: "long", Name: longApp, Scopes: []ConsentScope{{Kind: ScopeProfile}}, First: noon, Last: noon}}}.Panel(),
				AccountActivity{Words: f.Words, Events: []AccountEvent{{Kind: "address_added", Address: long.Address, Device: long.Name, IP: "2001:db8:85a3::8a2e:370:7334", At: noon}}}.Panel(),
			}
		})
	}},
	{"account-linked", PageStays, func(f Frame) templ.Component {
		return account(f, func(p *AccountPage) {
			p.Panels = []Panel{AccountLinked{Words: f.Words, Status: f.Words.T("account.linked_done"), More: everyProvider[:2], Accounts: []LinkedAccount{
				{Provider: everyProvider[3], ID: "i1", Label: "ann@example.com", First: noon.AddDate(0, -2, 0), Last: noon},
				{Provider: Provider{ID: "gone", Name: "gone"}, ID: "i2", First: noon, Last: noon, Off: true}}}.Panel()}
		})
	}},
	{"account-linked-last", PageStays, func(f Frame) templ.Component {
		return account(f, func(p *AccountPage) {
			p.Problem = true
			p.Panels = []Panel{AccountLinked{Words: f.Words, Problem: f.Words.T("account.unlink_last"), Accounts: []LinkedAccount{{Provider: everyProvider[3], ID: "i1", First: noon, Last: noon}}}.Panel()}
		})
	}},
	{"account-link", PageMayLeave, func(f Frame) templ.Component {
		return AccountLink(AccountLinkPage{Frame: own(f), Provider: everyProvider[3]})
	}},
	{"account-saved", PageStays, func(f Frame) templ.Component {
		return account(f, func(p *AccountPage) {
			p.Owner.Picture = "/pictures/0123456789abcdef.jpg"
			p.Panels = []Panel{accountProfile(f, func(p *AccountProfile) {
				p.Status, p.Owner.Picture = f.Words.T("account.saved"), "/pictures/0123456789abcdef.jpg"
			})}
		})
	}},
	{"account-bad-picture", PageStays, func(f Frame) templ.Component {
		return account(f, func(p *AccountPage) {
			p.Problem = true
			p.Panels = []Panel{accountProfile(f, func(p *AccountProfile) { p.PictureBad = f.Words.T("account.picture_unread") })}
		})
	}},
	{"account-own-attributes", PageStays, func(f Frame) templ.Component {
		return account(f, func(p *AccountPage) {
			p.Problem = true
			p.Panels = []Panel{accountProfile(f, func(p *AccountProfile) {
				p.More = p.More[1:] // the first name is asked for
				p.Fields = append(p.Fields,
					AccountField{Name: "given_name", Value: "Ann", Required: true},
					AccountField{Name: "company", Label: "Company", Type: "text", Value: "Example & Daughters"},
					AccountField{Name: "seats", Label: "Seats", Type: "number", Value: "many", Bad: true},
					AccountField{Name: "size", Label: "Size", Type: "choice", Value: "l", Choices: []DetailChoice{{"s", "Small"}, {"l", "Large"}}},
					AccountField{Name: "founded", Label: "Founded", Type: "date", Value: "2001-02-03"},
					AccountField{Name: "remote", Label: "Works from home", Type: "boolean", Value: "true"},
					AccountField{Name: "badge", Label: "Badge", Type: "text", Once: true},
					AccountField{Name: "number", Label: "Employee number", Type: "text", Once: true, Fixed: true, Value: "2041"},
					AccountField{Name: "driver", Label: "May drive", Type: "boolean", Fixed: true, Value: "false"})
			})}
		})
	}},
	{"account-error", PageStays, func(f Frame) templ.Component {
		return account(f, func(p *AccountPage) {
			p.Problem = true
			p.Panels = []Panel{accountProfile(f, func(p *AccountProfile) {
				p.More[3] = AccountField{Name: "birthdate", Value: "3 Feb", Bad: true}
				p.Open = true
			})}
		})
	}},
	{"account-bad-address", PageStays, func(f Frame) templ.Component {
		return account(f, func(p *AccountPage) {
			p.Problem = true
			p.Panels = []Panel{accountAddresses(f, func(p *AccountAddresses) { p.Typed, p.Bad = "ann@", f.Words.T("sign_in.bad_address") })}
		})
	}},
	{"account-last-address", PageStays, func(f Frame) templ.Component {
		return account(f, func(p *AccountPage) {
			p.Problem = true
			p.Panels = []Panel{accountAddresses(f, func(p *AccountAddresses) { p.Problem = f.Words.T("account.address_last") })}
		})
	}},
	{"account-address", PageStays, func(f Frame) templ.Component { return addressCode(f, func(*AccountAddressPage) {}) }},
	{"account-address-wrong", PageStays, func(f Frame) templ.Component {
		return addressCode(f, func(p *AccountAddressPage) { p.State, p.Code, p.TriesLeft = CodeWrong, "482 019", 3 })
	}},
	{"account-address-length", PageStays, func(f Frame) templ.Component {
		return addressCode(f, func(p *AccountAddressPage) { p.State, p.Code = CodeWrongLength, "4820" })
	}},
	{"account-address-resent", PageStays, func(f Frame) templ.Component {
		return addressCode(f, func(p *AccountAddressPage) { p.State = CodeResent })
	}},
	{"account-address-over", PageStays, func(f Frame) templ.Component {
		return addressCode(f, func(p *AccountAddressPage) { p.State = CodeOver })
	}},
	{"account-activity", PageStays, func(f Frame) templ.Component {
		return AccountActivityAll(AccountActivityPage{Frame: own(f), Events: happened, Days: 90, OlderURL: "/account/activity?before=e1"})
	}},
	{"account-activity-empty", PageStays, func(f Frame) templ.Component {
		return AccountActivityAll(AccountActivityPage{Frame: own(f), Days: 90})
	}},
	{"account-delete", PageStays, func(f Frame) templ.Component {
		return AccountDelete(AccountDeletePage{Frame: own(f), Address: "ann@example.com", Days: 7})
	}},
	{"account-delete-other", PageStays, func(f Frame) templ.Component {
		return AccountDelete(AccountDeletePage{Frame: own(f), Address: "ann@example.com", Typed: "anne@example.com", Bad: true})
	}},
	{"account-delete-owner", PageStays, func(f Frame) templ.Component {
		return AccountDelete(AccountDeletePage{Frame: own(f), Address: "ann@example.com", LastOwner: true, Days: 7})
	}},
	{"account-deleted", PageStays, func(f Frame) templ.Component {
		return AccountDeleted(AccountDeletedPage{Frame: own(f), Grace: true, Days: 7})
	}},
	{"account-deleted-now", PageStays, func(f Frame) templ.Component { return AccountDeleted(AccountDeletedPage{Frame: own(f)}) }},
	{"account-leaving", PageMayLeave, func(f Frame) templ.Component {
		return AccountLeaving(AccountLeavingPage{Frame: own(f), Flow: "f1", At: noon.AddDate(0, 0, 5)})
	}},
	{"inbox-empty", PageStays, func(f Frame) templ.Component { return Inbox(InboxPage{Frame: own(f)}) }},
	{"inbox-message", PageStays, func(f Frame) templ.Component {
		return InboxMessage(InboxMessagePage{Frame: own(f), ID: "m1", From: "Bookstore <no-reply@id.bookstore.example>", To: "ann@example.com",
			Subject: "482019 is your Bookstore code", At: noon, Code: "482019", LinkURL: "/sign-in/link?flow=f1&t=t0k3n",
			Text:    "Your sign-in code: 482019\n\nValid for 10 minutes and one sign-in.\n\nhttp://localhost:4283/sign-in/link?flow=f1&t=t0k3n-that-is-rather-long-and-has-to-break-somewhere\n\n@localhost #482019\n",
			HTMLURL: "/inbox/m1/html"})
	}},
}

// account is the page of Ann with the panels that everybody has.
func account(f Frame, change func(*AccountPage)) templ.Component {
	f = own(f)
	f.Here = "/account"
	p := AccountPage{Frame: f, Owner: AccountOwner{Person: ann, Hue: 10, Since: noon.AddDate(0, -8, -16)}}
	p.Panels = []Panel{accountWays(f), accountAddresses(f, func(*AccountAddresses) {}), accountDevices(f, func(*AccountDevices) {}), accountApps(f), accountProfile(f, func(*AccountProfile) {}),
		AccountActivity{Words: f.Words, Events: happened, More: true}.Panel(), AccountData{Words: f.Words, Days: 7}.Panel()}
	change(&p)
	return Account(p)
}

func accountProfile(f Frame, change func(*AccountProfile)) Panel {
	p := AccountProfile{Words: f.Words, Owner: AccountOwner{Person: ann, Hue: 10}, Username: "ann", Locale: "de", Languages: f.Words.Languages(), Zones: []string{"Europe/Vienna"},
		Fields: []AccountField{{Name: "name", Value: "Ann Example"}, {Name: "zoneinfo", Value: "Europe/Vienna"}}}
	for _, name := range []string{"given_name", "family_name", "nickname", "birthdate", "phone_number", "website", "address.street_address", "address.postal_code", "address.locality", "address.region", "address.country"} {
		p.More = append(p.More, AccountField{Name: name})
	}
	change(&p)
	return p.Panel()
}

func accountDevices(f Frame, change func(*AccountDevices)) Panel {
	p := AccountDevices{Words: f.Words, Devices: []AccountDevice{
		{ID: "s1", Name: "Firefox (Linux)", IP: "203.0.113.24", Seen: noon, Here: true, Apps: 2},
		{ID: "s2", Name: "Safari (iPhone)", IP: "203.0.113.87", Seen: noon.Add(-2 * time.Hour), Phone: true, Apps: 1},
		{ID: "s3", IP: "2001:db8:85a3::8a2e:370:7334", Seen: noon.Add(-50 * time.Hour)},
	}}
	change(&p)
	return p.Panel()
}

var happened = []AccountEvent{
	{Kind: "session_signed_in", App: "Bookstore", Device: "Firefox (Linux)", IP: "203.0.113.24", At: noon},
	{Kind: "address_primary", Address: "ann@example.com", Device: "Firefox (Linux)", IP: "203.0.113.24", At: noon.Add(-time.Hour)},
	{Kind: "consent_given", App: "Paper Agent", At: noon.Add(-26 * time.Hour)},
	{Kind: "user_created", At: noon.AddDate(0, 0, -60)},
}

func accountWays(f Frame) Panel {
	return AccountWays{Words: f.Words, Count: 2, Ways: []AccountWay{
		{Kind: WayCode, Title: f.Words.T("account.way_code"), Detail: "ann@example.com", On: true},
		{Kind: WaySecret, Title: f.Words.T("password.label"), Detail: f.Words.T("account.password_none"), Actions: []Panel{AccountPasswordAction(f.Words, false)}},
		{Kind: WayPasskey, Title: "iCloud Keychain", On: true, About: PasskeyFacts(f.Words, laptopPasskey), Actions: []Panel{PasskeyAction(f.Words, laptopPasskey)}}, {Kind: WayApp, Title: "App", Pill: "New"}, {Kind: WayOther, Title: "Other"},
	}}.Panel()
}

func accountAddresses(f Frame, change func(*AccountAddresses)) Panel {
	p := AccountAddresses{Words: f.Words, Addresses: []AccountAddress{
		{Address: "ann@example.com", Primary: true, Proven: true}, {Address: "ann.example@company.example", Proven: true}, {Address: "ann@new.example"}}}
	change(&p)
	return p.Panel()
}

// addressCode is the page that asks for the code of a new address.
func addressCode(f Frame, change func(*AccountAddressPage)) templ.Component {
	f = own(f)
	f.Here = "/account/address?address=ann%40new.example"
	p := AccountAddressPage{Frame: f, Address: "ann@new.example", Digits: 6, Minutes: 10}
	change(&p)
	return AccountAddressCode(p)
}

func accountApps(f Frame) Panel {
	return AccountApps{Words: f.Words, Apps: []AccountApp{
		{ID: "bookstore", Name: "Bookstore", Scopes: []ConsentScope{{Kind: ScopeProfile}, {Kind: ScopeEmail}, {Kind: ScopeOffline}}, First: noon.AddDate(0, -6, 0), Last: noon},
		{ID: "paper", Name: "Paper Agent", Unchecked: true, Scopes: []ConsentScope{{Kind: ScopeOther, Title: "Read your orders"}}, First: noon.AddDate(0, 0, -9), Last: noon.AddDate(0, 0, -1), Ends: noon.AddDate(0, 0, 21)},
	}}.Panel()
}

func consentPage(f Frame, change func(*ConsentPage)) ConsentPage {
	f.Here = "/consent?flow=f1"
	p := ConsentPage{Frame: f, Action: "/consent", Fields: []Field{{"flow", "f1"}}, Person: ann, AskedBy: "bookstore.example",
		Scopes: []ConsentScope{{Kind: ScopeProfile, Detail: "Ann Example"}, {Kind: ScopeEmail, Detail: "ann@example.com"}, {Kind: ScopeOffline}}}
	change(&p)
	return p
}

// draw renders a page as the doors do.
func draw(t testing.TB, page templ.Component) string {
	t.Helper()
	var b bytes.Buffer
	if err := page.Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
