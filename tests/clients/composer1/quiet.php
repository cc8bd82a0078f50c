<?php
// Composer 1 is older than PHP 8: it turns every notice into an error, and calls functions with arrays whose keys are names by now.
// With the functions of PHP disabled, these take their places.
function error_reporting($level = null) { return 0; }
function call_user_func_array($called, $arguments) { return $called(...array_values($arguments)); }
