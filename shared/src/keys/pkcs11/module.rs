//! A PKCS#11 module: a shared library that this process initialises once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, Weak};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};

use super::error::Pkcs11Error;

/// A module that is loaded and initialised. Calls share it; a restart waits until none is under way, since C_Finalize
/// beside other calls is undefined (PKCS#11 §5.4).
pub(super) struct Module {
    path: String,
    context: RwLock<Pkcs11>,
}

impl Module {
    /// The module at `path`. All keys in it share one: C_Initialize is for the whole process, whatever we would wish,
    /// and so this is the one thing here that is global.
    pub(super) fn load(path: &str) -> Result<Arc<Self>, Pkcs11Error> {
        static LOADED: OnceLock<Mutex<HashMap<String, Weak<Module>>>> = OnceLock::new();
        let mut loaded = LOADED.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = loaded.get(path).and_then(Weak::upgrade) {
            return Ok(module);
        }
        let module = Arc::new(Self { path: path.to_owned(), context: RwLock::new(initialised(path)?) });
        loaded.insert(path.to_owned(), Arc::downgrade(&module));
        Ok(module)
    }

    /// Calls into the module.
    pub(super) fn with<T>(&self, call: impl FnOnce(&Pkcs11) -> T) -> T {
        call(&self.context.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Starts the module anew: some find a token that came back only then. Every session ends.
    pub(super) fn restart(&self) -> Result<(), Pkcs11Error> {
        let mut context = self.context.write().unwrap_or_else(PoisonError::into_inner);
        // What it says at its end does not matter: it is about to begin again, or to say then what is wrong.
        drop(context.clone().finalize());
        *context = initialised(&self.path)?;
        Ok(())
    }
}

fn initialised(path: &str) -> Result<Pkcs11, Pkcs11Error> {
    let failed = |reason: String| Pkcs11Error::Module { path: path.to_owned(), reason };
    let context = Pkcs11::new(path).map_err(|error| failed(error.to_string()))?;
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(context),
        Err(error) => Err(error.into()),
    }
}
