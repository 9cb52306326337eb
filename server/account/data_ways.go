package account

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gatelatch/storage"
)

// ExportWays are the ways in which a person shows who they are: that they are there, never a secret of them.
type ExportWays struct {
	Code          bool                 `json:"code"` // by e-mail
	Password      *ExportPassword      `json:"password,omitempty"`
	Passkeys      []ExportPasskey      `json:"passkeys"` // the oldest first
	Authenticator *ExportAuthenticator `json:"authenticator,omitempty"`
	RecoveryCodes *ExportRecoveryCodes `json:"recovery_codes,omitempty"`
	SecondFactors []ExportSecondFactor `json:"second_factors"`  // that are asked for at every sign-in, the preferred one first
	Linked        []ExportLinked       `json:"linked_accounts"` // the oldest first
}

// ExportPassword says that there is a password.
type ExportPassword struct {
	Changed *time.Time `json:"changed"`
	Ends    *time.Time `json:"ends,omitempty"` // somebody else has chosen it
}

// ExportPasskey is a passkey.
type ExportPasskey struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Made       *time.Time `json:"made"`
	MadeOn     string     `json:"made_on,omitempty"` // name of the device
	Used       *time.Time `json:"used,omitempty"`
	UsedOn     string     `json:"used_on,omitempty"`
	Synced     bool       `json:"synced"`
	Model      string     `json:"model,omitempty"` // AAGUID of the authenticator
	Attachment string     `json:"attachment,omitempty"`
	Transports []string   `json:"transports,omitempty"`
}

// ExportAuthenticator is an authenticator app.
type ExportAuthenticator struct {
	Since *time.Time `json:"since"`
	Used  *time.Time `json:"used"`
}

// ExportRecoveryCodes is a set of recovery codes.
type ExportRecoveryCodes struct {
	Left int        `json:"left"` // not yet used
	Made *time.Time `json:"made"`
}

// ExportSecondFactor is something that the person is asked for at every sign-in.
type ExportSecondFactor struct {
	Method    string     `json:"method"`
	Preferred bool       `json:"preferred"`
	Since     *time.Time `json:"since"`
}

// ExportLinked is an account elsewhere that signs the person in.
type ExportLinked struct {
	ID         string          `json:"id"`
	Connection string          `json:"connection"`
	Provider   string          `json:"provider,omitempty"` // its name
	Issuer     string          `json:"issuer"`
	Subject    string          `json:"subject"`
	Said       json.RawMessage `json:"said"` // by the provider, the last time
	Linked     *time.Time      `json:"linked"`
	Used       *time.Time      `json:"used"`
}

// ExportBrowser is a browser in which the person has signed in, and which is therefore known.
type ExportBrowser struct {
	ID      string     `json:"id"`
	Agent   string     `json:"agent"`
	IP      string     `json:"ip"` // of the last sign-in
	First   *time.Time `json:"first"`
	Seen    *time.Time `json:"seen"`
	Trusted *time.Time `json:"trusted,omitempty"` // when the person said that it needs no second factor
	Expires *time.Time `json:"expires"`
}

// exportWays collects them.
func exportWays(tx storage.Tx, user storage.ID) (w ExportWays, err error) {
	m, err := tx.PrimaryEmail(user)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return w, err
	}
	w.Code = m.VerifiedAt > 0
	if p, err := tx.Password(user); err == nil {
		w.Password = &ExportPassword{Changed: stamp(p.Changed), Ends: stamp(p.Temporary)}
	} else if !errors.Is(err, storage.ErrNotFound) {
		return w, err
	}
	if w.Passkeys, err = exportPasskeys(tx, user); err != nil {
		return w, err
	}
	if t, err := tx.UserTOTP(user); err == nil {
		w.Authenticator = &ExportAuthenticator{Since: stamp(t.Created), Used: stamp(t.Used)}
	} else if !errors.Is(err, storage.ErrNotFound) {
		return w, err
	}
	left, made, err := tx.RecoveryCodes(user)
	if err != nil {
		return w, err
	}
	if made > 0 {
		w.RecoveryCodes = &ExportRecoveryCodes{Left: int(left), Made: stamp(made)}
	}
	factors, err := tx.SecondFactors(user)
	if err != nil {
		return w, err
	}
	w.SecondFactors = []ExportSecondFactor{}
	for _, f := range factors {
		w.SecondFactors = append(w.SecondFactors, ExportSecondFactor{Method: f.Method, Preferred: f.Preferred, Since: stamp(f.Created)})
	}
	w.Linked, err = exportLinked(tx, user)
	return w, err
}

func exportPasskeys(tx storage.Tx, user storage.ID) ([]ExportPasskey, error) {
	list := []ExportPasskey{}
	all, err := tx.Passkeys(user)
	for _, p := range all {
		list = append(list, exportPasskey(p))
	}
	return list, err
}

func exportPasskey(p storage.Passkey) ExportPasskey {
	x := ExportPasskey{ID: p.ID.String(), Name: p.Name, Made: stamp(p.Created), MadeOn: p.CreatedOn, Used: stamp(p.Used), UsedOn: p.UsedOn, Synced: p.BackedUp,
		Attachment: p.Attachment, Transports: p.Transports}
	if g := p.AAGUID; len(g) == 16 && !bytes.Equal(g, make([]byte, 16)) { // zeroes: it does not say
		x.Model = fmt.Sprintf("%x-%x-%x-%x-%x", g[:4], g[4:6], g[6:8], g[8:10], g[10:])
	}
	return x
}

func exportLinked(tx storage.Tx, user storage.ID) ([]ExportLinked, error) {
	list := []ExportLinked{}
	all, err := tx.UserIdentities(user)
	if err != nil {
		return nil, err
	}
	for _, i := range all {
		k, err := tx.Connection(i.Connection)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return nil, err
		}
		list = append(list, ExportLinked{ID: i.ID.String(), Connection: i.Connection, Provider: k.Name, Issuer: i.Issuer, Subject: i.Subject, Said: i.Claims, Linked: stamp(i.Created), Used: stamp(i.Used)})
	}
	return list, nil
}

func exportBrowsers(tx storage.Tx, user storage.ID, now int64) ([]ExportBrowser, error) {
	list := []ExportBrowser{}
	all, err := tx.UserDevices(user, now)
	for _, b := range all {
		list = append(list, ExportBrowser{ID: b.ID.String(), Agent: b.Agent, IP: b.IP, First: stamp(b.Created), Seen: stamp(b.Seen), Trusted: stamp(b.Trusted), Expires: stamp(b.Expires)})
	}
	return list, err
}
