package account

import (
	"slices"
	"strings"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

// device is a browser that a person is signed in with, and how many applications it is signed in to.
type device struct {
	storage.Session
	apps int
}

// devices lists them: the one that here lives in first, then the one seen last.
func (d *Door) devices(tx storage.Tx, user, here storage.ID) ([]device, error) {
	sessions, err := tx.UserSessions(user, d.now())
	if err != nil {
		return nil, err
	}
	grants, err := tx.UserGrants(user, d.now())
	if err != nil {
		return nil, err
	}
	apps := map[storage.ID]map[string]bool{}
	for _, g := range grants {
		if apps[g.SessionID] == nil {
			apps[g.SessionID] = map[string]bool{}
		}
		apps[g.SessionID][g.ClientID] = true
	}
	var list []device
	for _, s := range sessions {
		list = append(list, device{Session: s, apps: len(apps[s.ID])})
	}
	slices.SortStableFunc(list, func(a, b device) int {
		switch here {
		case a.ID:
			return -1
		case b.ID:
			return 1
		}
		return 0
	})
	return list, nil
}

// devicesPanel is "Where you are signed in".
func (d *Door) devicesPanel(v *visit) (views.Panel, error) {
	list, err := d.devices(d.store.View(v.ctx()), v.user(), v.live.Session.ID)
	if err != nil {
		return nil, err
	}
	p := views.AccountDevices{Words: v.frame.Words, Status: v.status("devices")}
	for _, s := range list {
		p.Devices = append(p.Devices, views.AccountDevice{ID: s.ID.String(), Name: authn.Device(s.Agent), IP: s.IP, Seen: moment(s.Seen), Here: s.ID == v.live.Session.ID,
			Phone: strings.Contains(s.Agent, "Mobile") || strings.Contains(s.Agent, "Android"), Apps: s.apps})
	}
	return p.Panel(), nil
}

// postEndDevice signs out one browser. An id that is not one of theirs gets the same answer as one that has ended: it is.
func (d *Door) postEndDevice(v *visit) error {
	id, err := storage.ParseID(v.in.Get("device"))
	if err == nil {
		err = d.engine.EndDevice(v.ctx(), v.visitor, v.user(), id)
		if err != nil {
			return err
		}
	}
	if id == v.live.Session.ID {
		d.cookies.Clear(v.w, cookieSession)
		return web.SeeOther(v.w, v.r, "/signed-out")
	}
	return d.done(v, "devices", "device_ended")
}

func (d *Door) postEndOthers(v *visit) error {
	if err := d.engine.EndOtherDevices(v.ctx(), v.visitor, v.user(), v.live.Session.ID); err != nil {
		return err
	}
	return d.done(v, "devices", "others_ended")
}

func (d *Door) postEndAll(v *visit) error {
	if err := d.engine.SignOutEverywhere(v.ctx(), "user:"+v.user().String(), v.user()); err != nil {
		return err
	}
	d.cookies.Clear(v.w, cookieSession)
	return web.SeeOther(v.w, v.r, "/signed-out")
}
