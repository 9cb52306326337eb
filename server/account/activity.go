package account

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

const (
	activityDays  = 90 // after that the log does not know any more who it was
	activityShort = 5  // on the page of all panels
	activityPage  = 25
)

// told are the kinds of events that people are told about themselves; each has a sentence account.event.KIND, with _ for the dot.
var told = []string{
	storage.EventSignedUp, storage.EventUserCreated, storage.EventUserChanged, storage.EventUserDisabled, storage.EventUserEnabled, storage.EventRoleChanged, storage.EventSignedIn,
	storage.EventSignedOut, storage.EventSignedOutAll, storage.EventSignedOutOthers, storage.EventPasswordChanged, storage.EventPasswordGiven, storage.EventPasswordExpired, storage.EventPasswordReset, storage.EventPasswordRemoved,
	storage.EventAddressAdded, storage.EventAddressRemoved, storage.EventAddressPrimary, storage.EventPictureChanged, storage.EventDeletionAsked, storage.EventDeletionTaken, storage.EventDenied, storage.EventLetterMade, storage.EventCodeMade, storage.EventRecoveryMade,
	storage.EventAdminSetUp, storage.EventRefreshReused, storage.EventCodeReused, storage.EventDeviceAllowed, storage.EventDeviceDenied, storage.EventConsentGiven,
	storage.EventConsentRefused, storage.EventConsentRevoked, storage.EventGroupJoined, storage.EventGroupLeft, storage.EventFactorAdded, storage.EventFactorRemoved,
	storage.EventFactorChanged, storage.EventRecoveryCodes, storage.EventFactorSlowed, storage.EventDeviceTrusted, storage.EventDeviceForgotten, storage.EventAddressSlowed,
	storage.EventPasskeyCreated, storage.EventPasskeyRenamed, storage.EventPasskeyRemoved, storage.EventPasskeyDoubled,
	storage.EventInviteAccepted, storage.EventAccepted,
	storage.EventIdentityLinked, storage.EventIdentityUnlinked,
}

// happened lists up to limit events that a person is told, newest first; next is where the following page begins, "" for none.
func (d *Door) happened(tx storage.Tx, user, before storage.ID, limit int) (list []storage.Event, next string, err error) {
	since := d.now() - (activityDays * 24 * time.Hour).Microseconds()
	for cursor := before; ; {
		events, err := tx.UserEvents(user, cursor, since, activityPage+1)
		if err != nil {
			return nil, "", err
		}
		for _, e := range events {
			if !slices.Contains(told, e.Kind) {
				continue
			}
			if len(list) == limit {
				return list, list[limit-1].ID.String(), nil
			}
			list = append(list, e)
		}
		if len(events) <= activityPage {
			return list, "", nil
		}
		cursor = events[len(events)-1].ID
	}
}

// shown are events as the page tells them.
func shown(tx storage.Tx, events []storage.Event) ([]views.AccountEvent, error) {
	apps := map[string]string{}
	var list []views.AccountEvent
	for _, e := range events {
		line := views.AccountEvent{Kind: strings.ReplaceAll(e.Kind, ".", "_"), Device: e.Device, IP: e.IP, At: e.ID.Time()}
		if e.ClientID != "" {
			name, known := apps[e.ClientID]
			if !known {
				c, err := tx.Client(e.ClientID)
				if err != nil && !errors.Is(err, storage.ErrNotFound) {
					return nil, err
				}
				name = cmp.Or(c.Name, e.ClientID)
				apps[e.ClientID] = name
			}
			line.App = name
		}
		if strings.HasPrefix(e.Kind, "address.") {
			line.Address = e.Detail
		}
		list = append(list, line)
	}
	return list, nil
}

// activityPanel is "Recent activity", its newest lines.
func (d *Door) activityPanel(v *visit) (views.Panel, error) {
	tx := d.store.View(v.ctx())
	events, next, err := d.happened(tx, v.user(), storage.ID{}, activityShort)
	if err != nil {
		return nil, err
	}
	p := views.AccountActivity{Words: v.frame.Words, More: next != ""}
	p.Events, err = shown(tx, events)
	return p.Panel(), err
}

// activity is all of it, in pages.
func (d *Door) activity(v *visit) error {
	before, err := storage.ParseID(v.in.Get("before"))
	if err != nil && v.in.Get("before") != "" {
		return &web.Error{Status: http.StatusBadRequest, Code: "invalid_request", Err: err}
	}
	tx := d.store.View(v.ctx())
	events, next, err := d.happened(tx, v.user(), before, activityPage)
	if err != nil {
		return err
	}
	page := views.AccountActivityPage{Frame: v.frame, Days: activityDays}
	if page.Events, err = shown(tx, events); err != nil {
		return err
	}
	if next != "" {
		page.OlderURL = home + "/activity?before=" + next
	}
	return web.Page(v.w, v.r, http.StatusOK, views.CSP(views.PageStays), views.AccountActivityAll(page))
}
