// Package tempograph is the root of the module; it holds no code. See the README
// for what the packages below do.
package tempograph
