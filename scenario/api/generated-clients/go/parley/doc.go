// Package parley is the client that oapi-codegen writes here, in a copy of this folder.
package parley
