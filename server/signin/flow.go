package signin

import (
	"context"
	"errors"
	"net/http"

	"gatelatch/server/authn"
	"gatelatch/storage"
	"gatelatch/views"
)

// errAnswered says that a step has already written the answer: the request is done.
var errAnswered = errors.New("answered")

// step is a visit to a flow of this browser that has not ended.
type step struct {
	*visit
	flow    storage.Flow
	demands authn.Demands
	client  storage.Client
	passkey views.PasskeySignIn // what became of a passkey, for the page that asks again
}

// step finds the flow a request is about. A flow that has ended sends its browser on; one that is gone or another browser's
// shows the way back to the application. In both cases the answer is written and errAnswered returned.
func (d *Door) step(v *visit) (*step, error) {
	f, demands, err := d.engine.Flow(v.r.Context(), v.flow, v.visitor.Browser)
	if errors.Is(err, authn.ErrFlowGone) {
		return nil, answered(d.gone(v))
	}
	if err != nil {
		return nil, err
	}
	if f.Finished > 0 {
		return nil, answered(d.ended(v, f))
	}
	return d.stepOf(v, f, demands)
}

// stepOf is a visit to a flow that was found.
func (d *Door) stepOf(v *visit, f storage.Flow, demands authn.Demands) (*step, error) {
	c, err := d.clientOf(v.r.Context(), f.ClientID)
	if err != nil {
		return nil, err
	}
	v.visitor.Languages = d.language(v.r, v.flow, demands.UILocales).Lang()
	return &step{visit: v, flow: f, demands: demands, client: c}, nil
}

// inFlow makes a handler of one that needs a flow.
func (d *Door) inFlow(v *visit, h func(*step) error) error {
	s, err := d.step(v)
	if errors.Is(err, errAnswered) {
		return nil
	}
	if err != nil {
		return err
	}
	return h(s)
}

func answered(err error) error {
	if err == nil {
		err = errAnswered
	}
	return err
}

// frame is what a page of this flow starts from; path is the GET that shows it again.
func (d *Door) stepFrame(s *step, path string) views.Frame {
	return d.frame(s.visit, s.demands, s.client, at(path, s.flow.ID.String()))
}

// clientOf is the application's row; a zero one if there is none, or no longer.
func (d *Door) clientOf(ctx context.Context, id string) (storage.Client, error) {
	if id == "" {
		return storage.Client{}, nil
	}
	c, err := d.client(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		return storage.Client{}, nil
	}
	return c, err
}

// ended sends the browser of a finished flow on to the door that has still to answer it. Once that has answered, going on would bring
// the application a state it has spent: the page is too old (the back button, a link opened again).
func (d *Door) ended(v *visit, f storage.Flow) error {
	live, err := d.live(v)
	if err != nil {
		return err
	}
	if f.Answered == 0 && live != nil && live.Session.ID == f.SessionID {
		return d.goOn(v, live, f)
	}
	return d.startAgain(v, f.ClientID, views.ErrorTooOld)
}

// gone is the page for a flow that is over or began in another browser.
func (d *Door) gone(v *visit) error {
	known, err := d.engine.Remember(v.r.Context(), v.flow)
	if err != nil {
		return err
	}
	kind := views.ErrorTooOld
	if known.Live {
		kind = views.ErrorOtherBrowser
	}
	return d.startAgain(v, known.ClientID, kind)
}

// startAgain shows the way back to the application a flow came from.
func (d *Door) startAgain(v *visit, client string, kind views.ErrorKind) error {
	c, err := d.clientOf(v.r.Context(), client)
	if err != nil {
		return err
	}
	page := views.ErrorPage{Frame: d.frame(v, authn.Demands{}, c, ""), Kind: kind, HomeURL: c.StartURL(d.cfg.Issuer), Reference: d.reference(v.r)}
	return d.show(v, http.StatusGone, views.PageStays, views.Error(page))
}
