package clients

import (
	"fmt"
	"net/url"
	"strings"

	"gatelatch/storage"
)

// IsDocument reports whether a client ID claims to be the address of a document about the client.
func IsDocument(id string) bool { return strings.HasPrefix(id, "https://") }

// maxDocumentURL is how long such an address may be: it travels in every token.
const maxDocumentURL = 256

// CheckDocumentURL says what is wrong with a client ID that is an address (draft-ietf-oauth-client-id-metadata-document §3), as the
// end of a sentence that begins with it. One that browsers or libraries would respell is another client ID than the one they call.
func CheckDocumentURL(id string) error {
	if len(id) > maxDocumentURL {
		return fmt.Errorf("is longer than %d characters", maxDocumentURL)
	}
	if err := CheckSpelling(id); err != nil {
		return err
	}
	u, err := url.Parse(id)
	if err != nil || u.Scheme != "https" {
		return fmt.Errorf("is not an https address")
	}
	if u.Path == "" {
		return fmt.Errorf("has no path. Give the document an address of its own, as in https://app.example.com/oauth-client.json")
	}
	if u.User != nil || u.String() != id {
		return fmt.Errorf("is not spelled as it would be called: %s", u.Redacted())
	}
	return checkWeb(storage.Client{}, u, id)
}
