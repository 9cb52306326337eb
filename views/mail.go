package views

import "strings"

// MailDocument prepares the HTML of a captured e-mail for the frame on its inbox page: links open a new window, because
// no page of ours may be framed. Serve it with CSP(PageMail).
func MailDocument(html string) string {
	const blank = `<base target="_blank">`
	at := strings.Index(strings.ToLower(html), "<head>")
	if at < 0 {
		return blank + html
	}
	at += len("<head>")
	return html[:at] + blank + html[at:]
}
