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
