package admin

import (
	"net/http"
	"net/url"
	"strings"

	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
)

// pageOfMails is how many mails the inbox page lists.
const pageOfMails = 25

// Mount adds the pages of this door.
func (a *Admin) Mount(mux *http.ServeMux) {
	mux.Handle("GET /inbox", a.deps.Pages.Handle(a.mayReadMail(a.inboxPage)))
	mux.Handle("GET /inbox/{id}", a.deps.Pages.Handle(a.mayReadMail(a.mailPage)))
	mux.Handle("GET /inbox/{id}/html", a.deps.Pages.Handle(a.mayReadMail(a.mailHTML)))
}

// mayReadMail lets in who sits at the machine, and admins who are signed in. To anybody else there is no inbox.
func (a *Admin) mayReadMail(next web.Handler) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !a.atThisMachine(r) && !a.deps.IsAdmin(r) {
			return &web.Error{Status: http.StatusNotFound, Code: "not_found"}
		}
		return next(w, r)
	}
}

func (a *Admin) inboxPage(w http.ResponseWriter, r *http.Request) error {
	query, err := web.Query(r)
	if err != nil {
		return err
	}
	var cursor storage.ID
	if text := query.Get("before"); text != "" {
		if cursor, err = storage.ParseID(text); err != nil {
			return &web.Error{Status: http.StatusNotFound, Code: "not_found"}
		}
	}
	address, err := mailAddress(query.Get("address"))
	if err != nil {
		return &web.Error{Status: http.StatusNotFound, Code: "not_found"}
	}
	mails, next, err := a.mails(r.Context(), address, cursor, pageOfMails)
	if err != nil {
		return err
	}
	page := views.InboxPage{Frame: a.deps.Frame(w, r)}
	for _, m := range mails {
		page.Messages = append(page.Messages, views.InboxEntry{ID: m.ID, To: m.To, Subject: m.Subject, Code: m.Code, At: *m.Sent})
	}
	if next != "" {
		older := url.Values{"before": {next}}
		if address != "" {
			older.Set("address", address)
		}
		page.OlderURL = "/inbox?" + older.Encode()
	}
	return web.Page(w, r, http.StatusOK, views.CSP(views.PageStays), views.Inbox(page))
}

func (a *Admin) mailPage(w http.ResponseWriter, r *http.Request) error {
	m, err := a.mail(r.Context(), r.PathValue("id"))
	if err != nil {
		return gone(err)
	}
	page := views.InboxMessagePage{Frame: a.deps.Frame(w, r), ID: m.ID, From: a.cfg.PublicURL.Host, To: m.To, Subject: m.Subject, At: *m.Sent, Code: m.Code, Text: m.Text}
	if a.ownLink(m.Link) {
		page.LinkURL = m.Link
	}
	if m.HTML != "" {
		page.HTMLURL = "/inbox/" + m.ID + "/html"
	}
	return web.Page(w, r, http.StatusOK, views.CSP(views.PageStays), views.InboxMessage(page))
}

// mailHTML is the mail as a mail program shows it, for the frame on its page: sandboxed, without scripts.
func (a *Admin) mailHTML(w http.ResponseWriter, r *http.Request) error {
	m, err := a.mail(r.Context(), r.PathValue("id"))
	if err != nil {
		return gone(err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", views.CSP(views.PageMail))
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(views.MailDocument(m.HTML))) // the visitor may have gone: nothing to be done
	return nil
}

// gone turns a refusal of the API into one for a page.
func gone(err error) error {
	if r, ok := err.(*refusal); ok {
		return &web.Error{Status: r.status, Code: "not_found", Err: err}
	}
	return err
}

// ownLink says that a link leads to this server: the page offers no button to anywhere else.
func (a *Admin) ownLink(link string) bool {
	u, err := url.Parse(link)
	return err == nil && u.Scheme == a.cfg.PublicURL.Scheme && strings.EqualFold(u.Host, a.cfg.PublicURL.Host)
}
