package cognito

import (
	"gatelatch/server/authn"
	"gatelatch/storage"
)

// describeUserPool tells what is settled of this server in the protocol's words. What has no word there is left out.
func (d *Door) describeUserPool(c *call) (any, error) {
	x, err := d.Engine.Experience(c.ctx)
	if err != nil {
		return nil, err
	}
	rule, err := d.Engine.PasswordRule(c.ctx, storage.ID{})
	if err != nil {
		return nil, err
	}
	mfa := map[string]string{authn.SecondFactorOff: "OFF", authn.SecondFactorRequired: "ON"}[x.SecondFactor]
	if mfa == "" {
		mfa = "OPTIONAL"
	}
	return map[string]any{"UserPool": map[string]any{
		"Id": d.PoolID, "Name": "Gatelatch", "MfaConfiguration": mfa,
		"Policies":               map[string]any{"PasswordPolicy": map[string]any{"MinimumLength": rule.Least, "TemporaryPasswordValidityDays": int(authn.TemporaryLife.Hours() / 24)}},
		"UsernameAttributes":     []string{"email"},
		"AutoVerifiedAttributes": []string{"email"},
		"UsernameConfiguration":  map[string]bool{"CaseSensitive": false},
		"AdminCreateUserConfig":  map[string]bool{"AllowAdminCreateUserOnly": x.SignUp != authn.SignUpOpen},
	}}, nil
}

// describeUserPoolClient tells how an application may use this API. It has no secret.
func (d *Door) describeUserPoolClient(c *call) (any, error) {
	var in struct{ ClientId string }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	app, err := d.client(c, in.ClientId)
	if err != nil {
		return nil, err
	}
	x, err := d.Engine.Experience(c.ctx)
	if err != nil {
		return nil, err
	}
	flows := []string{"ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_AUTH"}
	if x.MayBegin(app, authn.MethodPassword) {
		flows = append(flows, "ALLOW_USER_PASSWORD_AUTH")
		if app.Settings.SRP {
			flows = append(flows, "ALLOW_USER_SRP_AUTH")
		}
	}
	return map[string]any{"UserPoolClient": map[string]any{
		"UserPoolId": d.PoolID, "ClientId": app.ID, "ClientName": app.Name, "ExplicitAuthFlows": flows, "CallbackURLs": app.RedirectURIs,
		"LogoutURLs": app.PostLogoutRedirectURIs, "EnableTokenRevocation": true, "PreventUserExistenceErrors": "ENABLED",
	}}, nil
}
