package signin

import (
	"net/http"
	"strings"

	"gatelatch/server/authn"
	"gatelatch/server/web"
	"gatelatch/storage"
	"gatelatch/views"
	"gatelatch/views/words"
)

// chosen is the tag of a language we speak, or "".
func (d *Door) chosen(tag string) string {
	if d.cfg.Words.Has(tag) {
		return tag
	}
	return ""
}

// The language cookie is the tag and the flow it was chosen in: within that flow the visitor's own choice counts more than what
// the application asked for.
func (d *Door) keepLanguage(w http.ResponseWriter, tag, flow string) {
	if _, err := storage.ParseID(flow); err != nil {
		flow = ""
	}
	d.cookies.Set(w, cookieLang, tag+"."+flow, langLife)
}

// language picks the catalogue for a request: what was just chosen, the application's ui_locales, what was chosen before, what
// the browser says, the server's own.
func (d *Door) language(r *http.Request, flow, locales string) *words.Catalogue {
	now := ""
	if q, err := web.Query(r); err == nil {
		now = d.chosen(q.Get(views.LangParam))
	}
	before, in, _ := strings.Cut(d.cookies.Get(r, cookieLang), ".")
	before = d.chosen(before)
	if before != "" && flow != "" && in == flow {
		now = firstOf(now, before)
	}
	return d.cfg.Words.Match(now, locales, before, r.Header.Get("Accept-Language"), d.cfg.Language)
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// Frame is what a page of any door starts from, in the visitor's language; locales are the request's ui_locales.
func (d *Door) Frame(r *http.Request, locales string) views.Frame {
	flow := ""
	if q, err := web.Query(r); err == nil {
		flow = q.Get("flow")
	}
	return d.frameIn(d.language(r, flow, locales))
}

// KeepLanguage remembers the language that a visitor has chosen on a page of any door, if they have with this request.
func (d *Door) KeepLanguage(w http.ResponseWriter, r *http.Request) {
	q, err := web.Query(r)
	if err != nil {
		return
	}
	if tag := d.chosen(q.Get(views.LangParam)); tag != "" {
		d.keepLanguage(w, tag, q.Get("flow"))
	}
}

func (d *Door) frameIn(c *words.Catalogue) views.Frame {
	return views.Frame{Words: c, Host: d.cfg.PublicURL.Host, PrivacyURL: d.cfg.PrivacyURL, HelpURL: d.cfg.HelpURL}
}

// frame is what a page of a flow starts from: here is the GET that shows the page again.
func (d *Door) frame(v *visit, demands authn.Demands, c storage.Client, here string) views.Frame {
	f := d.frameIn(d.language(v.r, v.flow, demands.UILocales))
	f.AppName, f.Here = c.Name, here
	v.visitor.Languages = f.Words.Lang()
	return f
}
