package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"gatelatch/server/authn"
	"gatelatch/storage"
	"gatelatch/views"
)

// exportFormat names the shape of Export, for programs that read it (docs/account.md).
const exportFormat = "gatelatch-account/1"

// Export is everything that this server keeps about a person, but for secrets: those are not stored in a form that says them. Lists have
// a fixed order, so that two exports differ where something has changed.
type Export struct {
	Format    string           `json:"format"`
	Issuer    string           `json:"issuer"`
	Made      time.Time        `json:"made"`
	Profile   ExportProfile    `json:"profile"`
	Accepted  []ExportAccepted `json:"accepted"`  // versions of terms and privacy notice, the newest first
	Addresses []ExportAddress  `json:"addresses"` // the main one first, then by age
	Picture   *ExportPicture   `json:"picture,omitempty"`
	WaysIn    ExportWays       `json:"ways_in"`
	Devices   []ExportDevice   `json:"devices"` // where the person is signed in, the one seen last first
	Apps      []ExportApp      `json:"apps"`    // that have access, the one used last first
	Events    []ExportEvent    `json:"events"`  // that the log still knows to be about the person, the newest first
}

// ExportProfile is what is known about the person. Claims are those of OpenID Connect Core §5.1.
type ExportProfile struct {
	Sub       string         `json:"sub"`
	Claims    map[string]any `json:"claims"`
	Groups    []string       `json:"groups"`
	Role      string         `json:"role"`
	Status    string         `json:"status"`
	Created   *time.Time     `json:"created"`
	Updated   *time.Time     `json:"updated"`
	DeletesAt *time.Time     `json:"deletes_at,omitempty"`
}

// ExportAccepted is a version of a document that the person has accepted.
type ExportAccepted struct {
	Document string     `json:"document"`
	Version  string     `json:"version"`
	URL      string     `json:"url"`
	IP       string     `json:"ip"`
	Device   string     `json:"device"`
	At       *time.Time `json:"at"`
}

// ExportAddress is an e-mail address.
type ExportAddress struct {
	Address  string     `json:"address"`
	Primary  bool       `json:"primary"`
	Verified *time.Time `json:"verified,omitempty"`
	Added    *time.Time `json:"added"`
}

// ExportPicture is the uploaded picture.
type ExportPicture struct {
	MediaType string `json:"media_type"`
	Data      []byte `json:"data"` // base64
}

// ExportWays are the ways to prove who one is: that they are there, and how many.
type ExportWays struct {
	Code          bool `json:"code"`
	Password      bool `json:"password"`
	Passkeys      int  `json:"passkeys"`
	Authenticator bool `json:"authenticator"`
	RecoveryCodes int  `json:"recovery_codes"` // not yet used
}

// ExportDevice is a browser in which the person is signed in.
type ExportDevice struct {
	ID       string     `json:"id"`
	Agent    string     `json:"agent"` // as the browser calls itself
	IP       string     `json:"ip"`
	SignedIn *time.Time `json:"signed_in"`
	Seen     *time.Time `json:"seen"`
	Expires  *time.Time `json:"expires"`
	Methods  string     `json:"methods"`
	AMR      string     `json:"amr"`
	ACR      string     `json:"acr"`
	Apps     int        `json:"apps"`
	Current  bool       `json:"current,omitempty"` // the one that the application's token comes from
}

// ExportApp is an application with access.
type ExportApp struct {
	ClientID string     `json:"client_id"`
	Name     string     `json:"name"`
	Scopes   []string   `json:"scopes"`
	Allowed  bool       `json:"allowed"` // the person was asked
	First    *time.Time `json:"first_used"`
	Last     *time.Time `json:"last_used"`
	Ends     *time.Time `json:"ends,omitempty"`
}

// ExportEvent is a line of the log about the person.
type ExportEvent struct {
	ID       string    `json:"id"`
	At       time.Time `json:"at"`
	Kind     string    `json:"kind"`
	Self     bool      `json:"self"` // the person did it
	ClientID string    `json:"client_id,omitempty"`
	IP       string    `json:"ip,omitempty"`
	Device   string    `json:"device,omitempty"`
	Detail   string    `json:"detail,omitempty"`
}

// export collects it, in one snapshot.
func (d *Door) export(tx storage.Tx, user storage.ID, has authn.Factors) (x Export, err error) {
	x = Export{Format: exportFormat, Issuer: d.cfg.Issuer, Made: d.clock().UTC().Truncate(time.Second), WaysIn: exportWays(has)}
	if x.Profile, err = exportProfile(tx, user); err != nil {
		return x, err
	}
	if x.Addresses, err = exportAddresses(tx, user); err != nil {
		return x, err
	}
	picture, err := tx.UserPicture(user)
	if err == nil {
		x.Picture = &ExportPicture{MediaType: picture.MediaType, Data: picture.Data}
	} else if !errors.Is(err, storage.ErrNotFound) {
		return x, err
	}
	if x.Accepted, err = exportAccepted(tx, user); err != nil {
		return x, err
	}
	if x.Devices, err = d.exportDevices(tx, user); err != nil {
		return x, err
	}
	if x.Apps, err = d.exportApps(tx, user); err != nil {
		return x, err
	}
	x.Events, err = exportEvents(tx, user)
	return x, err
}

func exportWays(has authn.Factors) ExportWays {
	return ExportWays{Code: has.Mailbox, Password: has.Password, Passkeys: has.Passkeys, Authenticator: has.TOTP, RecoveryCodes: has.RecoveryCodes}
}

func exportProfile(tx storage.Tx, user storage.ID) (ExportProfile, error) {
	u, err := tx.User(user)
	if err != nil {
		return ExportProfile{}, err
	}
	groups, err := tx.UserGroups(user)
	return ExportProfile{Sub: u.ID.String(), Claims: authn.AttributesOf(u), Groups: append([]string{}, groups...), Role: u.Role, Status: u.Status,
		Created: stamp(u.Created), Updated: stamp(u.Updated), DeletesAt: stamp(u.DeleteAt)}, err
}

func exportAccepted(tx storage.Tx, user storage.ID) ([]ExportAccepted, error) {
	list := []ExportAccepted{}
	all, err := tx.Acceptances(user)
	for _, a := range all {
		list = append(list, ExportAccepted{Document: a.Document, Version: a.Version, URL: a.URL, IP: a.IP, Device: a.Device, At: stamp(a.Accepted)})
	}
	return list, err
}

func exportAddresses(tx storage.Tx, user storage.ID) ([]ExportAddress, error) {
	list := []ExportAddress{}
	all, err := tx.Emails(user)
	for _, m := range all {
		list = append(list, ExportAddress{Address: m.Typed, Primary: m.Primary, Verified: stamp(m.VerifiedAt), Added: stamp(m.Created)})
	}
	return list, err
}

func (d *Door) exportDevices(tx storage.Tx, user storage.ID) ([]ExportDevice, error) {
	list := []ExportDevice{}
	all, err := d.devices(tx, user, storage.ID{})
	for _, s := range all {
		list = append(list, ExportDevice{ID: s.ID.String(), Agent: s.Agent, IP: s.IP, SignedIn: stamp(s.AuthTime), Seen: stamp(s.Seen), Expires: stamp(s.Expires), Methods: s.Methods,
			AMR: s.AMR, ACR: s.ACR, Apps: s.apps})
	}
	return list, err
}

func (d *Door) exportApps(tx storage.Tx, user storage.ID) ([]ExportApp, error) {
	list := []ExportApp{}
	all, err := d.apps(tx, user)
	for _, a := range all {
		list = append(list, ExportApp{ClientID: a.client.ID, Name: a.client.Name, Scopes: a.scopes, Allowed: a.allowed, First: stamp(a.first), Last: stamp(a.last), Ends: stamp(a.ends)})
	}
	return list, err
}

func exportEvents(tx storage.Tx, user storage.ID) ([]ExportEvent, error) {
	const some = 500
	list := []ExportEvent{}
	for cursor := (storage.ID{}); ; {
		events, err := tx.UserEvents(user, cursor, 0, some)
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			list = append(list, exportEvent(e, user))
		}
		if len(events) < some {
			return list, nil
		}
		cursor = events[some-1].ID
	}
}

func exportEvent(e storage.Event, user storage.ID) ExportEvent {
	return ExportEvent{ID: e.ID.String(), At: e.ID.Time(), Kind: e.Kind, Self: e.Actor == "user:"+user.String(), ClientID: e.ClientID, IP: e.IP, Device: e.Device, Detail: e.Detail}
}

// stamp is a time of the store in UTC; nil for none.
func stamp(micros int64) *time.Time {
	if micros == 0 {
		return nil
	}
	t := time.UnixMicro(micros).UTC()
	return &t
}

// exportFor is the export of a person.
func (d *Door) exportFor(ctx context.Context, user storage.ID) (Export, error) {
	has, _, err := d.engine.WaysIn(ctx, user)
	if err != nil {
		return Export{}, err
	}
	var x Export
	err = d.store.Read(ctx, func(tx storage.Tx) error {
		var err error
		x, err = d.export(tx, user, has)
		return err
	})
	if err != nil {
		return Export{}, fmt.Errorf("collect everything about a person: %w", err)
	}
	return x, nil
}

// data sends everything about the person as one file.
func (d *Door) data(v *visit) error {
	x, err := d.exportFor(v.ctx(), v.user())
	if err != nil {
		return err
	}
	file, err := json.MarshalIndent(x, "", "  ")
	if err != nil {
		return err
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Disposition", `attachment; filename="account.json"`)
	h.Set("Cache-Control", "no-store")
	v.w.WriteHeader(http.StatusOK)
	_, _ = v.w.Write(append(file, '\n')) // the visitor may have gone
	return nil
}

// dataPanel is "Your data".
func (d *Door) dataPanel(v *visit) (views.Panel, error) {
	return views.AccountData{Words: v.frame.Words, Status: v.status("data"), Days: days(d.cfg.DeletionGrace)}.Panel(), nil
}
