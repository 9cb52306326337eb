package authn

import (
	"context"
	"fmt"
	"slices"

	"gatelatch/storage"
)

// WaysIn tells what a person can prove themselves with, and with which of it a sign-in can begin here.
func (e *Engine) WaysIn(ctx context.Context, user storage.ID) (Factors, []Method, error) {
	x, err := e.Experience(ctx)
	if err != nil {
		return Factors{}, nil, err
	}
	has, err := e.factors(e.store.View(ctx), user)
	if err != nil {
		return Factors{}, nil, fmt.Errorf("read factors: %w", err)
	}
	return has, slices.DeleteFunc(slices.Clone(x.Methods), func(m Method) bool { return !has.has(m) }), nil
}

// keepsWayIn refuses to leave a person with nothing that a sign-in can begin with here. left is what they would have. ErrLastWayIn.
func (e *Engine) keepsWayIn(tx storage.Tx, left Factors) error {
	x, err := e.experienceIn(tx)
	if err != nil {
		return err
	}
	for _, m := range x.Methods {
		if left.has(m) {
			return nil
		}
	}
	return ErrLastWayIn
}
