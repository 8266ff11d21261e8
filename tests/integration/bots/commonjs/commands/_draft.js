throw new Error('is not to be loaded');
