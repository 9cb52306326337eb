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
	Devices   []ExportDevice   `json:"devices"`  // where the person is signed in, the one seen last first
	Browsers  []ExportBrowser  `json:"browsers"` // that are known, the one seen last first
	Apps      []ExportApp      `json:"apps"`     // that have access, the one used last first
	Consents  []ExportConsent  `json:"consents"` // what the person has allowed, the newest first
	Notices   []ExportNotice   `json:"notices"`  // mails about changes that can still be denied, the oldest first
	Events    []ExportEvent    `json:"events"`   // that the log still knows to be about the person, the newest first
}

// ExportProfile is what is known about the person. Claims are those of OpenID Connect Core §5.1, and the server's own attributes by name.
type ExportProfile struct {
	Sub       string         `json:"sub"`
	Claims    map[string]any `json:"claims"`
	Groups    []string       `json:"groups"`
	Role      string         `json:"role"`
	Status    string         `json:"status"`
	Language  string         `json:"language,omitempty"`  // of the last sign-in
	SignedIn  *time.Time     `json:"signed_in,omitempty"` // the last time
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

// ExportConsent is what the person has said yes to.
type ExportConsent struct {
	ClientID string     `json:"client_id"`
	Scopes   []string   `json:"scopes"`
	First    *time.Time `json:"first"`
	Last     *time.Time `json:"last"`
	Ends     *time.Time `json:"ends,omitempty"`
}

// ExportNotice is a mail that told the person of a change.
type ExportNotice struct {
	Kind    string     `json:"kind"`
	About   string     `json:"about,omitempty"` // what was added or removed
	Address string     `json:"address"`         // where the mail went
	IP      string     `json:"ip,omitempty"`    // of whoever made the change
	Device  string     `json:"device,omitempty"`
	At      *time.Time `json:"at"`
	Denied  *time.Time `json:"denied,omitempty"` // when the person said that it was not them
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
func (d *Door) export(tx storage.Tx, user storage.ID) (Export, error) {
	x := Export{Format: exportFormat, Issuer: d.cfg.Issuer, Made: d.clock().UTC().Truncate(time.Second)}
	for _, collect := range []func() error{
		func() (err error) { x.Profile, err = exportProfile(tx, user); return },
		func() (err error) { x.Accepted, err = exportAccepted(tx, user); return },
		func() (err error) { x.Addresses, err = exportAddresses(tx, user); return },
		func() (err error) { x.Picture, err = exportPicture(tx, user); return },
		func() (err error) { x.WaysIn, err = exportWays(tx, user); return },
		func() (err error) { x.Devices, err = d.exportDevices(tx, user); return },
		func() (err error) { x.Browsers, err = exportBrowsers(tx, user, d.now()); return },
		func() (err error) { x.Apps, err = d.exportApps(tx, user); return },
		func() (err error) { x.Consents, err = exportConsents(tx, user, d.now()); return },
		func() (err error) { x.Notices, err = exportNotices(tx, user, d.now()); return },
		func() (err error) { x.Events, err = exportEvents(tx, user); return },
	} {
		if err := collect(); err != nil {
			return x, err
		}
	}
	return x, nil
}

func exportPicture(tx storage.Tx, user storage.ID) (*ExportPicture, error) {
	p, err := tx.UserPicture(user)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	return &ExportPicture{MediaType: p.MediaType, Data: p.Data}, err
}

func exportProfile(tx storage.Tx, user storage.ID) (ExportProfile, error) {
	u, err := tx.User(user)
	if err != nil {
		return ExportProfile{}, err
	}
	groups, err := tx.UserGroups(user)
	return ExportProfile{Sub: u.ID.String(), Claims: authn.AttributesOf(u), Groups: append([]string{}, groups...), Role: u.Role, Status: u.Status,
		Language: u.Language, SignedIn: stamp(u.SignedIn), Created: stamp(u.Created), Updated: stamp(u.Updated), DeletesAt: stamp(u.DeleteAt)}, err
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

func exportConsents(tx storage.Tx, user storage.ID, now int64) ([]ExportConsent, error) {
	list := []ExportConsent{}
	all, err := tx.UserConsents(user, now)
	for _, c := range all {
		list = append(list, ExportConsent{ClientID: c.ClientID, Scopes: append([]string{}, c.Scopes...), First: stamp(c.Created), Last: stamp(c.Updated), Ends: stamp(c.Expires)})
	}
	return list, err
}

func exportNotices(tx storage.Tx, user storage.ID, now int64) ([]ExportNotice, error) {
	list := []ExportNotice{}
	all, err := tx.Notices(user, 0, now)
	for _, n := range all {
		list = append(list, ExportNotice{Kind: n.Kind, About: n.Subject, Address: n.Address, IP: n.IP, Device: n.Device, At: stamp(n.Created), Denied: stamp(n.DeniedAt)})
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
	var x Export
	err := d.store.Read(ctx, func(tx storage.Tx) (err error) {
		x, err = d.export(tx, user)
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
