package server

import (
	"gatelatch/server/web"
	"gatelatch/storage"
)

// translate gives a store that is away its place, for pages whose door has no words of its own for it. What is not here is a 500.
func translate(err error) *web.Error {
	if storage.Away(err) {
		return web.Away(err)
	}
	return nil
}
