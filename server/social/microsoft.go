package social

import "cmp"

// Microsoft: one issuer for each directory (tenant). For accounts of any directory the discovery document has a pattern in its place, to
// be filled in with the tid of the token ("OpenID Connect on the Microsoft identity platform").
const (
	microsoftHost      = "https://login.microsoftonline.com/"
	microsoftVersion   = "/v2.0"
	microsoftConsumers = "9188040d-6c67-4c5b-b112-36a304b66dad" // the directory of personal accounts
	microsoftPattern   = microsoftHost + "{tenantid}" + microsoftVersion
)

func microsoftIssuer(tenant string) string {
	if tenant == "consumers" {
		tenant = microsoftConsumers
	}
	return microsoftHost + cmp.Or(tenant, "common") + microsoftVersion
}

// templateOf is the pattern that stands in a discovery document in place of the issuer; "" where the issuer stands.
func templateOf(issuer string) string {
	if issuer == microsoftIssuer("common") || issuer == microsoftIssuer("organizations") || issuer == microsoftPattern {
		return microsoftPattern
	}
	return ""
}

// microsoftTenantIssuer is the issuer of the tokens of a directory; "" if that is none.
func microsoftTenantIssuer(tid any) string {
	if text, _ := tid.(string); guid.MatchString(text) {
		return microsoftIssuer(text)
	}
	return ""
}

// microsoftVerified believes an address only where its directory owns the domain: the administrator of any directory may write any address
// into the claim email, and did ("nOAuth"). xms_edov has to be turned on as an optional claim.
func microsoftVerified(claims map[string]any) bool {
	switch claims["xms_edov"] {
	case true, "true", "1", 1.0:
		return true
	}
	return false
}
