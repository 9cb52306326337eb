package clients

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"

	"gatelatch/server/safehttp"
	"gatelatch/storage"
)

// Fetcher gets a document of somebody else: safehttp.Client.
type Fetcher interface {
	Get(ctx context.Context, address, accept string) (safehttp.Answer, error)
}

// settleSubject finds the sector of an application with pairwise subjects (OpenID Connect Core §8.1): the host of its
// sector_identifier_uri, or the one host that all its redirect URIs have.
func settleSubject(c storage.Client) (storage.Client, error) {
	set := &c.Settings
	set.Sector = ""
	if set.SubjectType == "public" {
		set.SubjectType = ""
	}
	if set.SubjectType != "pairwise" {
		if set.SectorURI != "" {
			return c, refuse("sector_identifier_uri", "sector_identifier_uri is for applications with pairwise subjects: set subject_type too.")
		}
		return c, nil
	}
	if set.SectorURI != "" {
		u, err := url.Parse(set.SectorURI)
		if err != nil || u.Scheme != "https" || safehttp.CheckURL(set.SectorURI) != nil {
			return c, refuse("sector_identifier_uri", "sector_identifier_uri is %q. It must be https://host/path, without user, password or fragment.", set.SectorURI)
		}
		set.Sector = u.Hostname()
		return c, nil
	}
	for _, uri := range c.RedirectURIs {
		u, err := url.Parse(uri)
		if err != nil {
			return c, err
		}
		sector := u.Hostname()
		if sector == "" {
			sector = u.Scheme // of an app on a device
		}
		if set.Sector != "" && set.Sector != sector {
			return c, refuse("redirect_uris", "The redirect URIs have several hosts, so it is not clear what the people are to be called. Set sector_identifier_uri, an address that lists them all.")
		}
		set.Sector = sector
	}
	return c, nil
}

// CheckSector reads the document of a sector_identifier_uri: it must name every redirect URI (OpenID Connect Registration §5). Without
// that, an application could join the sector of another and learn what people are called there. *Problem.
func CheckSector(ctx context.Context, outgoing Fetcher, c storage.Client) error {
	if c.Settings.SectorURI == "" {
		return nil
	}
	answer, err := outgoing.Get(ctx, c.Settings.SectorURI, "application/json")
	if err != nil {
		return refuse("sector_identifier_uri", "sector_identifier_uri cannot be read: %v.", err)
	}
	var listed []string
	if json.Unmarshal(answer.Body, &listed) != nil {
		return refuse("sector_identifier_uri", "sector_identifier_uri must answer with a JSON list of redirect URIs.")
	}
	for _, uri := range c.RedirectURIs {
		if !slices.Contains(listed, uri) {
			return refuse("sector_identifier_uri", "sector_identifier_uri does not list %s. Add it there first.", uri)
		}
	}
	return nil
}
