package views

// PageClass says what a page may do, and so which Content-Security-Policy it needs.
type PageClass int

const (
	// PageStays is a page whose forms all end on this server: errors, set-up, inbox, landing.
	PageStays PageClass = iota
	// PageMayLeave is a page whose POST can end at an app: sign-in, code, link, sign-out question, form_post.
	// It has no form-action: Chromium applies that to every redirect after the POST, the app's own included.
	PageMayLeave
	// PageMail is a captured e-mail shown inside a frame of the inbox. Its inline styles work, nothing else does; links open a
	// new window. The route that serves it must also replace X-Frame-Options by SAMEORIGIN.
	PageMail
)

const pagePolicy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"

// CSP is the Content-Security-Policy header of a class of pages.
func CSP(class PageClass) string {
	switch class {
	case PageMayLeave:
		return pagePolicy
	case PageMail:
		return "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; " +
			"frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
	default:
		return pagePolicy + "; form-action 'self'"
	}
}
