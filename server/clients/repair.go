package clients

import (
	"slices"

	"gatelatch/storage"
)

// AddRedirect is an application with one more redirect URI, in the form that may be saved; or what is against it, in a sentence
// or two. What has to be fetched is for CheckSector to check.
func AddRedirect(c storage.Client, uri string) (storage.Client, error) {
	if err := checkURI(c, uri); err != nil {
		return c, refuse("redirect_uris", "It %v.", err)
	}
	c.RedirectURIs = append(slices.Clone(c.RedirectURIs), uri)
	return Settle(c)
}

// AddPostLogout is an application with one more address to go to after signing out, likewise.
func AddPostLogout(c storage.Client, uri string) (storage.Client, error) {
	if err := checkURI(c, uri); err != nil {
		return c, refuse("post_logout_redirect_uris", "It %v.", err)
	}
	c.PostLogoutRedirectURIs = append(slices.Clone(c.PostLogoutRedirectURIs), uri)
	return Settle(c)
}
