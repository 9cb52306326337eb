package signin

import (
	"errors"
	"net/http"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

// translate gives the reasons of the rooms below their place. What is not here is a 500.
func translate(err error) *web.Error {
	var many *authn.TooMany
	switch {
	case errors.As(err, &many):
		return &web.Error{Status: http.StatusTooManyRequests, Code: "too_many", RetryAfter: many.Wait, Err: err}
	case errors.Is(err, authn.ErrFlowGone), errors.Is(err, authn.ErrFlowDone), errors.Is(err, authn.ErrSignIn): // the latter two: to a script
		return &web.Error{Status: http.StatusGone, Code: "flow_gone", Err: err}
	case storage.Away(err), errors.Is(err, authn.ErrBusy):
		return web.Away(err)
	}
	return nil
}

// ShowError answers a person with the page of an error; other doors use it, too. It says nothing the error's Code does not.
func (d *Door) ShowError(w http.ResponseWriter, r *http.Request, e *web.Error) {
	page := views.ErrorPage{Frame: d.Frame(r, ""), Kind: kindOf(e), Reference: d.reference(r)}
	page.Minutes = wholeMinutes(e.RetryAfter)
	if r.Method == http.MethodGet && e.Status >= 500 {
		page.AgainURL = r.URL.RequestURI()
	}
	if err := web.Page(w, r, e.Status, views.CSP(views.PageStays), views.Error(page)); err != nil {
		d.log.ErrorContext(r.Context(), "the page of an error could not be shown", "error", err, "request", web.RequestID(r.Context()))
		http.Error(w, http.StatusText(e.Status), e.Status)
	}
}

// kindOf picks the page.
func kindOf(e *web.Error) views.ErrorKind {
	switch {
	case e.Code == "flow_gone":
		return views.ErrorTooOld
	case e.Status == http.StatusTooManyRequests:
		return views.ErrorTooMany
	case e.Status == http.StatusServiceUnavailable:
		return views.ErrorUnavailable
	case e.Status == http.StatusNotFound, e.Status == http.StatusMethodNotAllowed:
		return views.ErrorNotFound
	case e.Status >= 500:
		return views.ErrorServer
	}
	return views.ErrorRequest
}

// reference leads from the page to the log.
func (d *Door) reference(r *http.Request) views.Reference {
	return views.Reference{Ref: web.RequestID(r.Context()), At: d.now()}
}
