package account

import (
	"gatelatch/server/authn"
	"gatelatch/views"
)

// waysPanel is "Signing in": what a person can prove themselves with. Who brings another method adds its rows here, and its forms in a
// file of its own.
func (d *Door) waysPanel(v *visit) (views.Panel, error) {
	has, ways, err := d.engine.WaysIn(v.ctx(), v.user())
	if err != nil {
		return nil, err
	}
	p := views.AccountWays{Words: v.frame.Words, Status: v.status("ways"), Count: len(ways)}
	for _, rows := range []func(*visit, authn.Factors) ([]views.AccountWay, error){d.passkeyWay, d.codeWay, d.passwordWay, d.totpWay, d.recoveryWay, d.trustedWay} {
		more, err := rows(v, has)
		if err != nil {
			return nil, err
		}
		p.Ways = append(p.Ways, more...)
	}
	return p.Panel(), nil
}

// codeWay is the code by e-mail.
func (d *Door) codeWay(v *visit, has authn.Factors) ([]views.AccountWay, error) {
	address, err := d.engine.Address(v.ctx(), v.user())
	if err != nil || !has.Mailbox {
		return nil, err
	}
	return []views.AccountWay{{Kind: views.WayCode, Title: v.frame.Words.T("account.way_code"), Detail: address, On: true}}, nil
}
