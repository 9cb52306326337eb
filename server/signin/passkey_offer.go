package signin

import (
	"errors"
	"net/http"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

const stateMade = "made"

// offersPasskey reports whether somebody who has just signed in is to be asked to make a passkey: their browser says that this device can.
func (d *Door) offersPasskey(v *visit, in authn.SignIn) bool {
	if v.in.Get("able") != "1" || !authn.PasskeysWork(d.cfg.PublicURL) {
		return false
	}
	offer, err := d.engine.OfferPasskey(v.r.Context(), in)
	if err != nil { // they are signed in, and nothing keeps them from going on
		d.log.WarnContext(v.r.Context(), "nobody could be offered a passkey", "error", err, "request", web.RequestID(v.r.Context()))
	}
	return offer
}

// inOffer finds who has just signed in with a flow that its door has still to answer. In any other case it answers.
func (d *Door) inOffer(v *visit, h func(storage.Flow, *authn.Live, views.Frame) error) error {
	f, demands, err := d.engine.Flow(v.r.Context(), v.flow, v.visitor.Browser)
	if errors.Is(err, authn.ErrFlowGone) {
		return d.gone(v)
	}
	if err != nil {
		return err
	}
	if f.Finished == 0 {
		return web.SeeOther(v.w, v.r, at("/sign-in", v.flow))
	}
	live, err := d.live(v)
	if err != nil {
		return err
	}
	if f.Answered > 0 || live == nil || live.Session.ID != f.SessionID {
		return d.ended(v, f)
	}
	c, err := d.clientOf(v.r.Context(), f.ClientID)
	if err != nil {
		return err
	}
	err = h(f, live, d.frame(v, demands, c, at("/sign-in/passkey-offer", f.ID.String())))
	if errors.Is(err, authn.ErrSignIn) { // the offer was open for too long
		return web.SeeOther(v.w, v.r, onward(f))
	}
	return err
}

// passkeyOffer asks to make a passkey, or says that it is made.
func (d *Door) passkeyOffer(v *visit) error {
	return d.inOffer(v, func(f storage.Flow, live *authn.Live, frame views.Frame) error {
		if v.in.Get("state") != stateMade {
			return d.showOffer(v, http.StatusOK, f, live, frame, views.PasskeyFine)
		}
		passkeys, err := d.engine.Passkeys(v.r.Context(), live.User.ID)
		if err != nil {
			return err
		}
		if len(passkeys) == 0 {
			return web.SeeOther(v.w, v.r, onward(f))
		}
		page := views.PasskeyMadePage{Frame: frame, Name: passkeys[len(passkeys)-1].Name, GoOnURL: onward(f)}
		return d.show(v, http.StatusOK, views.PageMayLeave, views.PasskeyMade(page))
	})
}

func (d *Door) showOffer(v *visit, status int, f storage.Flow, live *authn.Live, frame views.Frame, trouble views.PasskeyTrouble) error {
	options, err := d.engine.AskToAddPasskey(v.r.Context(), v.visitor, live)
	if err != nil {
		return err
	}
	id := f.ID.String()
	page := views.PasskeyOfferPage{Frame: frame, Trouble: trouble, GoOnURL: onward(f),
		Ask: views.PasskeyAsk{Action: "/sign-in/passkey-offer", Flow: id, Options: string(options), Again: at("/sign-in/passkey-offer/options", id)}}
	return d.show(v, status, views.PageMayLeave, views.PasskeyOffer(page))
}

// postOffer keeps the passkey that was made.
func (d *Door) postOffer(v *visit) error {
	return d.inOffer(v, func(f storage.Flow, live *authn.Live, frame views.Frame) error {
		_, err := d.engine.AddPasskey(v.r.Context(), v.visitor, live, []byte(v.in.Get("credential")))
		if err == nil {
			return web.SeeOther(v.w, v.r, at("/sign-in/passkey-offer", v.flow)+"&state="+stateMade)
		}
		trouble, _, err := d.passkeyTrouble(err)
		if err != nil {
			return err
		}
		return d.showOffer(v, http.StatusUnprocessableEntity, f, live, frame, trouble)
	})
}

// offerOptions is a fresh question for a passkey to be made.
func (d *Door) offerOptions(v *visit) error {
	return d.inOffer(v, func(_ storage.Flow, live *authn.Live, _ views.Frame) error {
		return d.sendOptions(v)(d.engine.AskToAddPasskey(v.r.Context(), v.visitor, live))
	})
}
